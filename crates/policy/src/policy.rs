//! The whole policy, and reading it from a file or a folder.

use std::sync::Arc;

use portcullis_document::{
    Entry, Node, Place, Problem, Severity, SourceError, SourceFile, Sources, Value, join,
};
use smol_str::SmolStr;

use crate::access_log::AccessLog;
use crate::alerts::Alerts;
use crate::crawlers::Crawlers;
use crate::decode::{Decode, Reading, section};
use crate::filter::RuleSets;
use crate::identity::Providers;
use crate::list::Lists;
use crate::rule::Rule;
use crate::scalar::SecretSource;
use crate::server::{Archive, ClientIp, Connections, Control, Geo, Inventory, Listeners, Metrics, Workers};
use crate::site::Sites;
use crate::state::State;
use crate::tracing::Tracing;
use crate::{names, phases, tags, whereabouts};

section! {
    /// The policy.
    pub struct Policy as "policy" {
        /// The secret all nodes of a deployment share: it keys hashes and pseudonyms. Made on first start if the file
        /// is absent.
        secret: SecretSource = "file:node.secret",
        /// Where clients connect: an address, or several.
        listeners as "listen": Listeners,
        /// Where the client's address is read from, behind proxies.
        client_ip: ClientIp = "{}",
        /// Bounds on client connections.
        connections: Connections = "{}",
        /// How many threads carry traffic.
        workers: Workers = "auto",
        /// Where counters and bans live.
        state: State = "{}",
        /// Where events are kept; `off` keeps none.
        archive: Option<Archive> = "{}",
        /// A line for every exchange; none if not given.
        access_log: Option<AccessLog>,
        /// What is learned of the sites' APIs; `off` learns nothing.
        inventory: Option<Inventory> = "{}",
        /// How the commands reach a running gateway; `off` for not at all.
        control: Option<Control> = "{}",
        /// Named sets of addresses, for rules.
        lists: Lists = "{}",
        /// Databases of where addresses are from.
        geo: Geo = "{}",
        /// How crawlers prove that they are what they say.
        crawlers: Crawlers = "{}",
        /// Rule files for the content filter, by name; `filter: { rules: [NAME] }` uses them.
        rule_sets: RuleSets = "{}",
        /// Ways a caller can prove who it is, by name.
        providers as "identity": Providers = "{}",
        /// The sites behind the gateway, by name.
        sites: Sites,
        /// Rules for every site, before the site's own.
        rules: Arc<[Rule]> = "[]",
        /// Findings told to people.
        alerts: Alerts = "{}",
        /// Traces of exchanges; none if not given.
        tracing: Option<Tracing>,
        /// Where metrics are served; nowhere if not given.
        metrics: Option<Metrics>,
        + {
            /// What was read, with the place of everything.
            document: Arc<Node> = Arc::new(Node { place: nowhere(), value: Value::Null }),
        }
    }
    => |policy: Policy, node: &Node, _: &mut Reading| {
        Some(Policy { document: Arc::new(node.clone()), ..policy })
    }
}

/// The smallest policy, as an example.
const SMALLEST: &str = "listen: 0.0.0.0:8080
sites:
  shop:
    hosts: [shop.example]
    upstream: { servers: [http://127.0.0.1:9000] }";

fn nowhere() -> Place {
    Place::new(&SourceFile::new("", ""), 0..0)
}

/// What came of reading a policy.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policy; absent where there is any error.
    pub policy: Option<Policy>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// Every file read or named, for watching.
    pub files: Vec<String>,
}

/// Reads the policy at `root`: a file, or a folder whose YAML and JSON files are put together.
pub fn load(root: &str, sources: &dyn Sources) -> Loaded {
    let (node, problems, read) = read_documents(root, sources);
    let base = read.first().map_or_else(|| root.to_owned(), Clone::clone);
    let mut reading = Reading { problems, ..Reading::new(base) };
    reading.files.extend(read);
    let policy = node.and_then(|node| decode(&node, &mut reading));
    let broken = reading.problems.iter().any(|problem| problem.severity == Severity::Error);
    let mut problems = reading.problems;
    problems.sort_by_key(|problem| {
        problem.place.as_ref().map(|place| (place.file().name().to_owned(), place.span().start))
    });
    Loaded { policy: policy.filter(|_| !broken), problems, files: reading.files.into_iter().collect() }
}

fn decode(node: &Node, reading: &mut Reading) -> Option<Policy> {
    if node.is_null() {
        let problem = Problem::error("policy.empty", format!("`{}` is empty", node.place.file().name()));
        return reading.refuse(problem.remedy(format!("the smallest policy is:\n{SMALLEST}")));
    }
    let names = |key: &str| -> Vec<SmolStr> {
        let entries = node.get(key).and_then(Node::entries).unwrap_or_default();
        entries.iter().map(|entry| entry.key.text.as_str().into()).collect()
    };
    (reading.lists, reading.providers) = (names("lists"), names("identity"));
    reading.rule_sets = names("rule_sets");
    let mut policy = Policy::decode(node, None, reading)?;
    names::check(&policy, &mut reading.problems);
    phases::settle(&mut policy, &mut reading.problems);
    if every_rule_was_read(&policy) {
        tags::check(&policy, &mut reading.problems);
    }
    whereabouts::check(&policy, &mut reading.problems);
    Some(policy)
}

/// Where a rule could not be read, the tags it would set are not known.
fn every_rule_was_read(policy: &Policy) -> bool {
    let written = |node: &Node| node.get("rules").and_then(Node::items).map_or(0, <[Node]>::len);
    let sites = policy.document.get("sites").and_then(Node::entries).unwrap_or_default();
    written(&policy.document) == policy.rules.len()
        && sites.len() == policy.sites.len()
        && sites
            .iter()
            .zip(&policy.sites)
            .all(|(entry, site)| written(&entry.value) == site.settings.rules.len())
}

/// The document at `root`, what is wrong with it, and the files it was read from.
fn read_documents(root: &str, sources: &dyn Sources) -> (Option<Node>, Vec<Problem>, Vec<String>) {
    match sources.list(root) {
        Ok(names) => read_folder(root, names, sources),
        Err(SourceError::NotAFolder | SourceError::Missing) => {
            let parsed = portcullis_document::load(root, sources);
            (parsed.root, parsed.problems, vec![root.to_owned()])
        }
        Err(error) => {
            let problem = Problem::error("policy.unreadable", format!("cannot read `{root}`: {error}"));
            (None, vec![problem], vec![root.to_owned()])
        }
    }
}

fn read_folder(
    folder: &str,
    mut names: Vec<String>,
    sources: &dyn Sources,
) -> (Option<Node>, Vec<Problem>, Vec<String>) {
    names.sort();
    let base = format!("{}/", folder.trim_end_matches('/'));
    let named = |name: &String| [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending));
    let paths: Vec<String> = names.iter().filter(|name| named(name)).map(|name| join(&base, name)).collect();
    let (mut whole, mut problems): (Option<Node>, Vec<Problem>) = (None, Vec::new());
    if paths.is_empty() {
        let problem = Problem::error("policy.empty_folder", format!("`{folder}` has no policy in it"));
        problems.push(problem.remedy("put one or more files ending in `.yaml` there"));
    }
    for path in &paths {
        let parsed = portcullis_document::load(path, sources);
        problems.extend(parsed.problems);
        whole = match (whole, parsed.root) {
            (whole, None) => whole,
            (None, Some(first)) => Some(first),
            (Some(whole), Some(next)) => Some(join_documents(whole, next, &mut problems)),
        };
    }
    (whole, problems, paths)
}

/// Puts two documents of a folder together: maps by their keys, lists one after the other.
fn join_documents(mut whole: Node, next: Node, problems: &mut Vec<Problem>) -> Node {
    let place = next.place.clone();
    match (&mut whole.value, next.value) {
        (_, Value::Null) => {}
        (Value::Map(entries), Value::Map(more)) => {
            for entry in more {
                join_entry(entries, entry, problems);
            }
        }
        _ => {
            let problem = Problem::error("policy.not_a_policy", "this file of the folder is no policy");
            problems
                .push(problem.at(&place).remedy("put files that are no policy into a folder below this one"));
        }
    }
    whole
}

fn join_entry(entries: &mut Vec<Entry>, entry: Entry, problems: &mut Vec<Problem>) {
    let Some(first) = entries.iter_mut().find(|first| first.key.text == entry.key.text) else {
        entries.push(entry);
        return;
    };
    match (&mut first.value.value, entry.value.value) {
        (Value::Map(own), Value::Map(more)) => {
            for inner in more {
                if let Some(twice) = own.iter().find(|known| known.key.text == inner.key.text) {
                    problems.push(twice_given(&inner.key.text, &twice.key.place, &inner.key.place));
                } else {
                    own.push(inner);
                }
            }
        }
        (Value::List(own), Value::List(more)) => own.extend(more),
        _ => problems.push(twice_given(&entry.key.text, &first.key.place, &entry.key.place)),
    }
}

fn twice_given(name: &str, first: &Place, again: &Place) -> Problem {
    let problem = Problem::error("document.duplicate_key", format!("`{name}` is given in two files"));
    problem.at(again).label("given again here").also(first, "first given").remedy("keep one of the two")
}
