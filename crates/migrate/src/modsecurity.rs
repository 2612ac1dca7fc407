//! ModSecurity: rule files stay as they are and become a rule set; engine settings become keys of the filter.
//!
//! Invariants: files are named in the order given, and loaded by the filter itself; lines that are read here are only
//! those of settings. Reading is bounded. Does not know rules.

use portcullis_document::{Place, Problem, SourceFile, Sources, join};

use crate::report::{Note, Report};
use crate::tree::Tree;
use crate::{Options, file_path};

/// Files that may be read in all.
const FILES: usize = 512;
/// Files within files.
const DEPTH: usize = 16;
/// What a body may be held of at most.
const HOLD: u64 = 64 << 20;

/// Reads the files and writes the policy.
pub(crate) fn migrate(
    files: &[String],
    options: &Options,
    sources: &dyn Sources,
) -> Result<(Tree, Vec<Note>), Vec<Problem>> {
    let mut reader = Reader { sources, files: 0, lines: Vec::new(), problems: Vec::new() };
    for file in files {
        reader.file(file, None, 0);
    }
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    let mut report = Report::default();
    let mut settings = Settings::default();
    for line in &reader.lines {
        settings.read(line, &mut report);
    }
    let paths: Vec<_> = files.iter().map(|file| file_path(options, "", file)).collect();
    let rules = Tree::map().with("modsecurity", Tree::map().with("seclang", Tree::texts(paths)));
    let site = Tree::map()
        .with("hosts", Tree::texts(["*"]))
        .with(
            "upstream",
            Tree::map()
                .with("servers", Tree::texts([&options.upstream]))
                .about("todo: ModSecurity does not say what it stands before."),
        )
        .merged(settings.tree());
    let policy = Tree::map()
        .with("listen", Tree::texts([&options.listen]).about("todo: nor where it listens."))
        .with(
            "rule_sets",
            rules.about(
                "The rule files themselves, unchanged; what they say of thresholds and exclusions holds.",
            ),
        )
        .with("sites", Tree::map().with("site", site));
    Ok((policy, report.notes))
}

/// One directive: its first word, and the rest.
struct Line {
    name: String,
    rest: String,
    place: Place,
}

struct Reader<'a> {
    sources: &'a dyn Sources,
    files: usize,
    lines: Vec<Line>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, from: Option<&Place>, depth: usize) {
        self.files += 1;
        let read = self.sources.read(path).map_err(|error| error.to_string());
        let text = match read {
            _ if self.files > FILES || depth > DEPTH => Err("too many files include each other".to_owned()),
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(error),
        };
        match text {
            Ok(text) => {
                let file = SourceFile::new(path, text);
                for line in lines(&file) {
                    if line.name.eq_ignore_ascii_case("Include")
                        || line.name.eq_ignore_ascii_case("IncludeOptional")
                    {
                        self.include(path, &line, depth);
                    } else {
                        self.lines.push(line);
                    }
                }
            }
            Err(why) => {
                let problem = Problem::error("migrate.unreadable", format!("cannot read {path}: {why}"));
                self.problems.push(match from {
                    Some(place) => problem.at(place),
                    None => problem,
                });
            }
        }
    }

    fn include(&mut self, base: &str, line: &Line, depth: usize) {
        let path = join(base, line.rest.trim_matches(['"', '\'']));
        let (folder, pattern) = path.rsplit_once('/').unwrap_or((".", &path));
        if !pattern.contains(['*', '?']) {
            let optional = line.name.eq_ignore_ascii_case("IncludeOptional");
            if !optional || self.sources.read(&path).is_ok() {
                self.file(&path, Some(&line.place), depth + 1);
            }
            return;
        }
        for name in self.sources.list(folder).unwrap_or_default() {
            if crate::nginx::fits(pattern.as_bytes(), name.as_bytes()) {
                self.file(&join(&path, &name), Some(&line.place), depth + 1);
            }
        }
    }
}

/// The directives of a file, continued lines put together.
fn lines(file: &std::sync::Arc<SourceFile>) -> Vec<Line> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut pending: Option<(usize, String)> = None;
    for raw in file.text().split_inclusive('\n') {
        let begin = at;
        at += raw.len();
        let text = raw.trim();
        let (start, mut whole) = match pending.take() {
            Some(open) => open,
            None if text.is_empty() || text.starts_with('#') => continue,
            None => (begin + raw.len() - raw.trim_start().len(), String::new()),
        };
        whole.push_str(text.trim_end_matches('\\'));
        if text.ends_with('\\') {
            pending = Some((start, whole));
            continue;
        }
        let (name, rest) = whole.split_once(char::is_whitespace).unwrap_or((&whole, ""));
        let place = Place::new(file, start..start + name.len());
        found.push(Line { name: name.to_owned(), rest: rest.trim().to_owned(), place });
    }
    found
}

/// Settings that have keys of their own.
#[derive(Debug, Default)]
struct Settings {
    engine: Option<Engine>,
    body: Option<u64>,
    partial: bool,
    answer: Option<u64>,
    answers: bool,
    level: Option<u64>,
    threshold: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    On,
    Off,
    DetectionOnly,
}

impl Settings {
    fn read(&mut self, line: &Line, report: &mut Report) {
        let value = line.rest.trim_matches(['"', '\'']).to_ascii_lowercase();
        let bytes = value.parse::<u64>().ok();
        let name = line.name.to_ascii_lowercase();
        let mut carried = |became: &str| report.carried(&line.place, &line.name, became);
        match name.as_str() {
            "secruleengine" => {
                self.engine = match value.as_str() {
                    "on" => Some(Engine::On),
                    "off" => Some(Engine::Off),
                    _ => Some(Engine::DetectionOnly),
                };
                carried("the filter's `action`, and the rule file itself");
            }
            "secrequestbodyaccess" => {
                carried("stays in the rule file, which the filter obeys");
            }
            "secrequestbodylimit" => {
                self.body = bytes;
                match bytes {
                    Some(limit) if limit > HOLD => {
                        report.approximated(&line.place, &line.name, "bodies are held up to 64 MiB");
                    }
                    _ => carried("`body.hold` and the filter's `body_limit`"),
                }
            }
            "secrequestbodylimitaction" => {
                self.partial = value == "processpartial";
                carried("the filter's `over_limit`");
            }
            "secresponsebodyaccess" => {
                self.answers = value == "on";
                carried("stays in the rule file, which the filter obeys");
            }
            "secresponsebodylimit" => {
                self.answer = bytes;
                carried("`response_body.hold`");
            }
            "secaction" => self.set_by_crs(line, report),
            _ if name.starts_with("secruleremove") || name.starts_with("secruleupdate") => {
                carried("stays in the rule file, which the filter obeys");
            }
            "secauditlog" | "secauditengine" | "secdebuglog" => report.lost(
                &line.place,
                &line.name,
                "events are kept by the policy's `archive`",
                "nothing, unless something reads that log",
            ),
            _ => {}
        }
    }

    /// What `crs-setup.conf` sets.
    fn set_by_crs(&mut self, line: &Line, report: &mut Report) {
        let text = line.rest.to_ascii_lowercase();
        let number = |key: &str| {
            let after = text.split_once(&format!("tx.{key}="))?.1;
            let end = after.find(|one: char| !one.is_ascii_digit()).unwrap_or(after.len());
            after.get(..end)?.parse::<u64>().ok()
        };
        if let Some(level) = number("blocking_paranoia_level").or_else(|| number("paranoia_level")) {
            self.level = Some(level.clamp(1, 4));
            report.carried(&line.place, "paranoia level", "the filter's `level`, and the rule file itself");
        }
        if let Some(threshold) = number("inbound_anomaly_score_threshold").filter(|threshold| *threshold > 0)
        {
            self.threshold = Some(threshold);
            report.carried(
                &line.place,
                "inbound anomaly threshold",
                "the filter's `threshold`, and the rule file itself",
            );
        }
    }

    /// The keys of the site.
    fn tree(&self) -> Tree {
        if self.engine == Some(Engine::Off) {
            return Tree::map().with("filter", Tree::text("off").about("SecRuleEngine Off"));
        }
        let mut filter = Tree::map().with("rules", Tree::texts(["modsecurity"]));
        let monitor = self.engine == Some(Engine::DetectionOnly);
        filter.set("action", Tree::text(if monitor { "monitor" } else { "block" }));
        for (key, value) in [("level", self.level), ("threshold", self.threshold)] {
            if let Some(value) = value {
                filter.set(key, Tree::number(value));
            }
        }
        let kib = |bytes: u64| Tree::text(&format!("{}KiB", bytes.min(HOLD).div_ceil(1024).max(64)));
        let mut tree = Tree::map();
        if let Some(body) = self.body {
            filter.set("body_limit", kib(body));
            filter.set("over_limit", Tree::text(if self.partial { "inspect_part" } else { "refuse" }));
            tree.set("body", Tree::map().with("hold", kib(body)));
        }
        if let Some(answer) = self.answer.filter(|_| self.answers) {
            tree.set(
                "response_body",
                Tree::map().with("hold", kib(answer)).with("over_limit", Tree::text("inspect_part")),
            );
        }
        Tree::map().with("filter", filter).merged(tree)
    }
}
