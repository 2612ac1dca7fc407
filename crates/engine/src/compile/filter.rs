//! The content filter's rules: each set of files compiled once, whoever uses it, and kept over a reload that changed
//! none of them.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_document::{Place, Problem, SourceError, Sources};
use portcullis_filter::builtin::{Level, Pack, PackConfig};
use portcullis_filter::seclang::{self, Entry};
use portcullis_filter::transaction::RuleSet;
use portcullis_policy::{Filter, RuleFiles, RuleSource};
use smol_str::SmolStr;

use crate::filter::{Candidate, FilterRules, Filtering, Handling};

use super::{Work, placed};

/// Where Debian's package `modsecurity-crs` puts its rules.
const DEBIAN: &str = "/usr/share/modsecurity-crs";

/// Rules compiled so far, and those of the policy before this one.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    packs: Vec<(Level, u64, Arc<Pack>)>,
    sets: Vec<Set>,
}

/// One set of SecLang files.
#[derive(Debug)]
struct Set {
    entries: Vec<Entry>,
    /// What was asked of the sources, and a hash of each answer.
    asked: Vec<(Asked, [u8; 32])>,
    /// Absent where the files have mistakes.
    rules: Option<RuleSet>,
    notes: Vec<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Read(String),
    List(String),
}

/// A scope's filter; none where it is off.
pub(super) fn compile(work: &mut Work<'_>, filter: Option<&Filter>) -> Option<Box<Filtering>> {
    let filter = filter?;
    let rules = compile_rules(work, filter, &filter.rules);
    let candidate = (!filter.candidate.is_empty()).then(|| Candidate {
        name: name_of(&filter.candidate),
        rules: compile_rules(work, filter, &filter.candidate),
        share: filter.sample.get(),
    });
    Some(Box::new(Filtering {
        rules,
        candidate,
        handling: Arc::new(Handling {
            classes: filter.classes.clone(),
            exclude: Arc::clone(&filter.exclude),
        }),
        threshold: i64::from(filter.threshold.get()),
        action: filter.action,
        body_limit: usize::try_from(filter.body_limit.get()).unwrap_or(usize::MAX),
        over_limit: filter.over_limit,
        responses: filter.responses.clone(),
        steps: filter.steps.get(),
        on_budget: filter.on_budget,
    }))
}

fn name_of(sources: &[RuleSource]) -> SmolStr {
    let names = sources.iter().map(|source| match source {
        RuleSource::Builtin => "builtin".to_owned(),
        RuleSource::Crs(_) => "crs".to_owned(),
        RuleSource::Named(name, _) => name.to_string(),
        RuleSource::Files(files) => {
            let folder = files.crs.iter().map(|folder| folder.path.to_string());
            folder.chain(files.seclang.iter().map(|file| file.path.to_string())).collect::<Vec<_>>().join("+")
        }
    });
    names.collect::<Vec<_>>().join(", ").into()
}

fn compile_rules(work: &mut Work<'_>, filter: &Filter, sources: &[RuleSource]) -> FilterRules {
    let builtin = sources.iter().any(|source| matches!(source, RuleSource::Builtin));
    let pack = if builtin { pack(work, filter) } else { None };
    let mut entries = Vec::new();
    for source in sources {
        match source {
            RuleSource::Builtin => {}
            RuleSource::Crs(place) => match &filter.crs {
                Some(folder) => crs(work, &folder.path, &folder.place, &mut entries),
                None => crs(work, DEBIAN, place, &mut entries),
            },
            RuleSource::Named(name, _) => {
                if let Some(files) = work.policy.rule_sets.iter().find(|set| set.name == *name) {
                    add_files(work, files, &mut entries);
                }
            }
            RuleSource::Files(files) => add_files(work, files, &mut entries),
        }
    }
    if entries.is_empty() {
        return FilterRules { pack, seclang: None };
    }
    entries.insert(0, settings(filter));
    FilterRules { pack, seclang: seclang(work, entries, &filter.place) }
}

fn add_files(work: &mut Work<'_>, files: &RuleFiles, entries: &mut Vec<Entry>) {
    if let Some(folder) = &files.crs {
        crs(work, &folder.path, &folder.place, entries);
    }
    entries.extend(files.seclang.iter().map(|file| Entry::Path(file.path.to_string())));
}

fn crs(work: &mut Work<'_>, folder: &str, place: &Place, entries: &mut Vec<Entry>) {
    if let Some(found) = seclang::crs_entries(folder, work.sources) {
        entries.extend(found);
        return;
    }
    let problem = Problem::error("engine.no_crs", format!("there is no OWASP CRS in `{folder}`")).at(place);
    work.problems.push(problem.remedy(
        "install Debian's `modsecurity-crs`, or name the folder of a release: `crs: /opt/coreruleset`",
    ));
}

/// What policy says, in the rules' own terms. A `crs-setup.conf` is read after it and has the last word.
fn settings(filter: &Filter) -> Entry {
    let (level, inbound) = (filter.level.get(), filter.threshold.get());
    // Of CRS's own defaults, 5 and 4, the second is one less than the first.
    let outbound = (inbound - 1).max(1);
    let mut text = format!(
        "SecAction \"id:4294900000,phase:1,pass,nolog,t:none,\\\n  \
         setvar:tx.blocking_paranoia_level={level},setvar:tx.detection_paranoia_level={level},\\\n  \
         setvar:tx.paranoia_level={level},setvar:tx.executing_paranoia_level={level},\\\n  \
         setvar:tx.inbound_anomaly_score_threshold={inbound},\\\n  \
         setvar:tx.outbound_anomaly_score_threshold={outbound}\"\n"
    );
    let types: Vec<&str> = filter.responses.iter().filter_map(portcullis_policy::MediaRange::exact).collect();
    if !filter.responses.is_empty() {
        text.push_str("SecResponseBodyAccess On\n");
    }
    if !types.is_empty() {
        text.extend(["SecResponseBodyMimeType ", &types.join(" "), "\n"]);
    }
    Entry::Text { name: "(settings of the policy)".to_owned(), text }
}

fn pack(work: &mut Work<'_>, filter: &Filter) -> Option<Arc<Pack>> {
    let level = Level::new(i64::from(filter.level.get()))?;
    // The built-in rules make do with less than SecLang allows by default.
    let steps = filter.steps.get().min(PackConfig::default().steps);
    let same = |(known, spend, _): &&(Level, u64, Arc<Pack>)| (*known, *spend) == (level, steps);
    if let Some((_, _, pack)) = work.kept.packs.iter().find(same) {
        return Some(Arc::clone(pack));
    }
    let before = work.before.and_then(|before| before.packs.iter().find(same));
    let made = match before {
        Some((_, _, pack)) => Ok(Arc::clone(pack)),
        None => Pack::new(&PackConfig { level, steps, ..PackConfig::default() }).map(Arc::new),
    };
    match made {
        Ok(pack) => {
            work.kept.packs.push((level, steps, Arc::clone(&pack)));
            Some(pack)
        }
        Err(problem) => {
            work.problems.push(Problem::error("engine.filter", problem.to_string()).at(&filter.place));
            None
        }
    }
}

/// A set of files: as compiled for another scope, as kept from before, or read now.
fn seclang(work: &mut Work<'_>, entries: Vec<Entry>, asked: &Place) -> Option<RuleSet> {
    if let Some(set) = work.kept.sets.iter().find(|set| set.entries == entries) {
        return set.rules.clone();
    }
    let same = |set: &&Set| set.entries == entries && set.rules.is_some() && set.is_current(work.sources);
    let set = match work.before.and_then(|before| before.sets.iter().find(same)) {
        Some(set) => set.again(),
        None => read(work, entries),
    };
    work.problems.extend(set.notes.iter().map(|note| placed(note.clone(), asked)));
    work.files.extend(set.asked.iter().filter_map(|(asked, _)| match asked {
        Asked::Read(path) => Some(path.clone()),
        Asked::List(_) => None,
    }));
    let rules = set.rules.clone();
    work.kept.sets.push(set);
    rules
}

fn read(work: &mut Work<'_>, entries: Vec<Entry>) -> Set {
    let noting = Noting { sources: work.sources, asked: RefCell::default() };
    let loaded = seclang::load(&entries, &noting);
    let asked = noting.asked.into_inner();
    let compiled = loaded.and_then(|rules| Ok((RuleSet::compile(&rules)?, rules.notes)));
    match compiled {
        Ok((rules, notes)) => Set { entries, asked, rules: Some(rules), notes },
        Err(notes) => Set { entries, asked, rules: None, notes },
    }
}

impl Set {
    /// Whether every file it was read from is as it was.
    fn is_current(&self, sources: &dyn Sources) -> bool {
        self.asked.iter().all(|(asked, before)| {
            let now = match asked {
                Asked::Read(path) => hash_of_file(&sources.read(path)),
                Asked::List(folder) => hash_of_names(&sources.list(folder)),
            };
            now == *before
        })
    }

    fn again(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            asked: self.asked.clone(),
            rules: self.rules.clone(),
            notes: self.notes.clone(),
        }
    }
}

/// Sources that remember what they were asked.
struct Noting<'a> {
    sources: &'a dyn Sources,
    asked: RefCell<Vec<(Asked, [u8; 32])>>,
}

impl Noting<'_> {
    fn note(&self, asked: Asked, hash: [u8; 32]) {
        let mut known = self.asked.borrow_mut();
        if known.iter().all(|(other, _)| *other != asked) {
            known.push((asked, hash));
        }
    }
}

impl Sources for Noting<'_> {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        let read = self.sources.read(path);
        self.note(Asked::Read(path.to_owned()), hash_of_file(&read));
        read
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        let listed = self.sources.list(folder);
        self.note(Asked::List(folder.to_owned()), hash_of_names(&listed));
        listed
    }

    fn env(&self, name: &str) -> Option<String> {
        self.sources.env(name)
    }
}

fn hash_of_file(read: &Result<Bytes, SourceError>) -> [u8; 32] {
    read.as_ref().map_or([0; 32], |bytes| *blake3::hash(bytes).as_bytes())
}

fn hash_of_names(listed: &Result<Vec<String>, SourceError>) -> [u8; 32] {
    let names = listed.as_ref().map(|names| {
        let mut names = names.clone();
        names.sort();
        names.join("\n")
    });
    names.map_or([0; 32], |names| *blake3::hash(names.as_bytes()).as_bytes())
}

#[cfg(test)]
impl Kept {
    /// How many packs and sets of files there are.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.packs.len(), self.sets.len())
    }
}
