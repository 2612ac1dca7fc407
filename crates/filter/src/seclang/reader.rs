//! Files to statements: entries, `Include` with globs, containers, and every line dispatched.
//!
//! Reading goes on after a mistake. Depth and number of files are bounded, so that files that include each other end.

use std::sync::Arc;

use portcullis_document::{Problem, Severity, SourceError, SourceFile, Sources, join};

use super::configuration::Configuration;
use super::directive::{self, Meaning, Presence, Statement, Written};
use super::glob::fits;
use super::line::{Line, Span, Word, lines, words};
use super::operator_call::Operators;

/// How deep files may include each other.
const MAX_DEPTH: usize = 16;
/// How many files are read at most.
const MAX_FILES: usize = 2000;

/// One thing to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file; the last segment of the path may be a glob, which may find nothing.
    Path(String),
    /// A file that may be missing.
    Optional(String),
    /// Text under a name, as it stands in a policy.
    Text {
        /// The name shown in problems; paths in the text are relative to it.
        name: String,
        /// The text.
        text: String,
    },
}

/// What has been read so far.
pub(super) struct Reader<'a> {
    sources: &'a dyn Sources,
    pub(super) config: Configuration,
    pub(super) statements: Vec<Statement>,
    pub(super) problems: Vec<Problem>,
    /// Directives whose being ignored was already said.
    ignored: Vec<&'static str>,
    operators: Operators<'a>,
    depth: usize,
    files: usize,
}

impl<'a> Reader<'a> {
    /// Nothing read yet.
    pub(super) fn new(sources: &'a dyn Sources) -> Self {
        Self {
            sources,
            config: Configuration::default(),
            statements: Vec::new(),
            problems: Vec::new(),
            ignored: Vec::new(),
            operators: Operators::new(sources),
            depth: 0,
            files: 0,
        }
    }

    /// Everything an entry says.
    pub(super) fn read_entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Path(path) => self.read_path(path, Presence::Required, None),
            Entry::Optional(path) => self.read_path(path, Presence::Optional, None),
            Entry::Text { name, text } => self.read_text(&SourceFile::new(name.as_str(), text.as_str())),
        }
    }

    /// A file or a glob of them; `named` is where a file asked for it.
    fn read_path(&mut self, path: &str, presence: Presence, named: Option<Span<'_>>) {
        match self.expand(path) {
            Ok(paths) => {
                for path in paths {
                    self.read_file(&path, presence, named);
                }
            }
            Err(why) => self.complain(named, format!("`{path}` cannot be read: {why}")),
        }
    }

    fn read_file(&mut self, path: &str, presence: Presence, named: Option<Span<'_>>) {
        self.files += 1;
        if self.depth >= MAX_DEPTH || self.files > MAX_FILES {
            self.complain(named, format!("`{path}` is not read: files include each other too deeply"));
            return;
        }
        match self.sources.read(path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let file = SourceFile::new(path, text.as_ref());
                self.depth += 1;
                self.read_text(&file);
                self.depth -= 1;
            }
            Err(SourceError::Missing) if presence == Presence::Optional => {}
            Err(why) => self.complain(named, format!("`{path}` cannot be read: {why}")),
        }
    }

    fn complain(&mut self, named: Option<Span<'_>>, message: String) {
        let problem = Problem::error("seclang.file", message);
        self.problems.push(match named {
            Some(span) => problem.at(&span.place()),
            None => problem,
        });
    }

    /// The files a path means: itself, or in the order of their names those that a glob fits.
    fn expand(&self, path: &str) -> Result<Vec<String>, String> {
        let is_glob = |text: &str| text.contains(['*', '?', '[']);
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        if is_glob(folder) && path.contains('/') {
            return Err("only the last part of a path can be a pattern".to_owned());
        }
        if !is_glob(name) {
            return Ok(vec![path.to_owned()]);
        }
        let mut names = match self.sources.list(folder) {
            Ok(names) => names,
            Err(SourceError::Missing) => return Ok(Vec::new()),
            Err(why) => return Err(why.to_string()),
        };
        names.retain(|candidate| fits(name.as_bytes(), candidate.as_bytes()));
        names.sort();
        let prefix = path.strip_suffix(name).unwrap_or_default();
        Ok(names.into_iter().map(|name| format!("{prefix}{name}")).collect())
    }

    fn read_text(&mut self, file: &Arc<SourceFile>) {
        for line in lines(file) {
            match words(&line) {
                Ok(words) => self.read_line(&line, &words),
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    fn read_line(&mut self, line: &Line, words: &[Word<'_>]) {
        let Some((first, rest)) = words.split_first() else { return };
        if first.span.raw().starts_with('<') {
            self.read_container(line);
            return;
        }
        let read = directive::find(first.span).and_then(|(name, meaning)| {
            self.dispatch(&Written { line: line.span().trim(), name, words: rest }, meaning)
        });
        self.problems.extend(read.err());
    }

    fn dispatch(&mut self, written: &Written<'_>, meaning: Meaning) -> Result<(), Problem> {
        match meaning {
            Meaning::Include(presence) => self.include(written, presence)?,
            Meaning::Rule => {
                let rule = written.rule(&mut self.operators, &mut self.problems);
                self.statements.extend(rule.map(Statement::Rule));
            }
            Meaning::Action => {
                let rule = written.action(&mut self.problems)?;
                self.statements.push(Statement::Rule(rule));
            }
            Meaning::Marker => self.statements.push(written.marker()?),
            Meaning::DefaultAction => {
                let default = written.default_action(&mut self.problems)?;
                self.statements.push(default);
            }
            Meaning::Remove(selects) => self.statements.extend(written.remove(selects)?),
            Meaning::UpdateTargets(selects) => {
                let update = written.update_targets(selects, &mut self.problems)?;
                self.statements.push(update);
            }
            Meaning::UpdateActions => {
                let update = written.update_actions(&mut self.problems)?;
                self.statements.push(update);
            }
            Meaning::Setting(apply) => written.setting(apply, &mut self.config)?,
            Meaning::Ignored(why) => self.ignore(written, why),
            Meaning::Refused(why) => {
                let message = format!("`{}` is refused: {why}", written.name);
                return Err(written.line.error("seclang.refused", message));
            }
        }
        Ok(())
    }

    /// Says once for each directive that it has no effect.
    fn ignore(&mut self, written: &Written<'_>, why: &str) {
        if self.ignored.contains(&written.name) {
            return;
        }
        self.ignored.push(written.name);
        let message = format!("`{}` has no effect here: {why}", written.name);
        self.problems.push(Problem::warning("seclang.ignored", message).at(&written.line.place()));
    }

    fn include(&mut self, written: &Written<'_>, presence: Presence) -> Result<(), Problem> {
        let [named] = written.exactly("rules/*.conf")?;
        let base = written.line.place();
        let path = join(base.file().name(), &named.value());
        self.read_path(&path, presence, Some(named.span));
        Ok(())
    }

    /// Apache's `<IfModule security2_module>` says nothing here; other containers would.
    fn read_container(&mut self, line: &Line) {
        let text = line.span().raw().trim().to_ascii_lowercase();
        let about_us = text.starts_with("<ifmodule") && text.contains("security");
        if about_us && !text.contains('!') || text.starts_with("</ifmodule") {
            return;
        }
        let problem = line.span().trim().error("seclang.container", "containers of Apache are not read");
        self.problems.push(problem.remedy("give a site or route of the policy its own rules"));
    }

    /// Whether something was wrong enough not to go on.
    pub(super) fn has_failed(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}
