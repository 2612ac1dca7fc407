//! Every document a contract is made of: the ones policy names, and the ones they refer to.
//!
//! Invariants: each document is read once; all are read before any is interpreted, so that references resolve
//! without reading. Bounded: [`DOCUMENT_LIMIT`] documents.

use std::collections::VecDeque;

use hashbrown::{HashMap, HashSet};
use portcullis_document::{Node, Parsed, Place, Problem, Severity, Sources, nearest};

use super::graphql::{self, Schema};
use super::reference::{Target, parse_target, reference, walk};
use super::{Format, protobuf};

/// Documents one contract may be made of.
const DOCUMENT_LIMIT: usize = 512;

/// References followed one after another before they count as going in circles.
const CHAIN_LIMIT: usize = 64;

/// Keys whose values are data, not parts of the document: a `$ref` inside them refers to nothing.
const DATA_KEYS: [&str; 4] = ["example", "examples", "enum", "const"];

/// The documents, by path.
#[derive(Debug, Default)]
pub(crate) struct Library {
    documents: HashMap<String, Option<Node>>,
    order: Vec<String>,
    references: Vec<Site>,
    /// Those that are schemas of GraphQL.
    schemas: HashMap<String, Schema>,
    /// What those together declare that the contract begins with, under the path of the first.
    schema: Option<(String, Node)>,
}

/// A `$ref`: where it stands and what it says.
#[derive(Debug)]
struct Site {
    base: String,
    text: String,
    place: Place,
}

/// A node and the path of the document it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located<'l> {
    pub(crate) path: &'l str,
    pub(crate) node: &'l Node,
}

impl Library {
    /// Reads the roots and all they refer to.
    pub(crate) fn read(roots: &[&str], sources: &dyn Sources, problems: &mut Vec<Problem>) -> Self {
        let mut library = Self::default();
        let mut waiting: VecDeque<(String, Option<Place>)> =
            roots.iter().map(|root| ((*root).to_owned(), None)).collect();
        while let Some((path, named_at)) = waiting.pop_front() {
            if library.documents.contains_key(&path) {
                continue;
            }
            if library.order.len() >= DOCUMENT_LIMIT {
                problems.push(too_many(named_at.as_ref()));
                break;
            }
            let node = library.read_document(&path, named_at.as_ref(), sources, problems);
            let first = library.references.len();
            if let Some(node) = &node {
                gather(node, &path, &mut library.references);
            }
            library.order.push(path.clone());
            library.documents.insert(path, node);
            waiting.extend(library.references.iter().skip(first).filter_map(Site::other_document));
        }
        library.join_schemas(roots, problems);
        library
    }

    /// The schemas among the roots are one.
    fn join_schemas(&mut self, roots: &[&str], problems: &mut Vec<Problem>) {
        let named = || roots.iter().filter_map(|root| self.schemas.get_key_value(*root));
        let schemas: Vec<&Schema> = named().map(|(_, schema)| schema).collect();
        let first = named().next().map(|(path, _)| path.clone());
        self.schema = first.zip(graphql::document(&schemas, problems));
    }

    /// What a document declares that the contract begins with; of several schemas of GraphQL, the first declares all.
    pub(crate) fn root(&self, path: &str) -> Option<Located<'_>> {
        if Format::of(path) != Format::GraphqlSchema {
            return self.document(path);
        }
        let (path, node) = self.schema.as_ref().filter(|(first, _)| first == path)?;
        Some(Located { path, node })
    }

    /// Every path read or tried, in order.
    pub(crate) fn files(&self) -> &[String] {
        &self.order
    }

    /// A document's root, if it was read.
    pub(crate) fn document(&self, path: &str) -> Option<Located<'_>> {
        let (path, node) = self.documents.get_key_value(path)?;
        Some(Located { path, node: node.as_ref()? })
    }

    /// Follows a node's `$ref`, and that one's, until a node that has none.
    pub(crate) fn follow<'l>(&'l self, start: Located<'l>) -> Result<Located<'l>, Problem> {
        let mut at = start;
        for _ in 0..CHAIN_LIMIT {
            let Some((text, value)) = reference(at.node) else { return Ok(at) };
            at = self.resolve(at.path, text).map_err(|why| why.problem(text, &value.place))?;
        }
        let problem = Problem::error("contract.ref_circle", "this reference leads back to itself")
            .at(&start.node.place);
        Err(problem.label("going round in circles").remedy("let one of them be the thing itself"))
    }

    fn resolve<'l>(&'l self, base: &str, text: &str) -> Result<Located<'l>, Dangling<'l>> {
        match parse_target(base, text) {
            Target::Network => Err(Dangling::Network),
            Target::Anchor => Err(Dangling::Anchor),
            Target::Inside { path, steps } => {
                let root = self.document(&path).ok_or(Dangling::Unread)?;
                match walk(root.node, &steps) {
                    Ok(node) => Ok(Located { node, ..root }),
                    Err(depth) => Err(Dangling::nowhere(root.node, &steps, depth)),
                }
            }
        }
    }

    /// A warning for every reference that leads nowhere and has not been reported as a mistake: once for each
    /// text, however often it is there.
    pub(crate) fn dangling(&self, reported: &[Problem]) -> Vec<Problem> {
        let mistakes =
            reported.iter().filter_map(|problem| problem.place.as_ref()).map(key).collect::<HashSet<_>>();
        let mut resolved: HashMap<(&str, &str), Option<usize>> = HashMap::new();
        let mut warnings: Vec<(Problem, usize)> = Vec::new();
        for site in &self.references {
            let seen = resolved.entry((&site.base, &site.text)).or_insert_with(|| {
                let why = self.resolve(&site.base, &site.text).err()?;
                if matches!(why, Dangling::Unread) {
                    return None; // said where it was read
                }
                let warning = why.problem(&site.text, &site.place);
                warnings.push((warning, 0));
                Some(warnings.len() - 1)
            });
            if let Some((_, times)) = seen.and_then(|index| warnings.get_mut(index)) {
                *times += 1;
            }
        }
        let fresh = warnings.into_iter().filter(|(problem, _)| {
            problem.place.as_ref().is_none_or(|place| !mistakes.contains(&key(place)))
        });
        fresh.map(|(problem, times)| as_warning(problem, times)).collect()
    }

    fn read_document(
        &mut self,
        path: &str,
        named_at: Option<&Place>,
        sources: &dyn Sources,
        problems: &mut Vec<Problem>,
    ) -> Option<Node> {
        let mut met = Vec::new();
        let node = match Format::of(path) {
            Format::OpenApi => read_openapi(path, sources, &mut met),
            Format::GraphqlSchema => self.read_schema(path, sources, &mut met),
            Format::DescriptorSet => {
                let bytes = portcullis_document::load_bytes(path, sources);
                let bytes = bytes.map_err(|problem| met.push(problem)).ok();
                bytes.and_then(|bytes| protobuf::document(path, &bytes, &mut met))
            }
        };
        problems.extend(met.into_iter().map(|problem| match named_at {
            Some(place) if problem.place.is_none() => {
                let problem = problem.at(place).label("referred to here");
                Problem { severity: Severity::Warning, ..problem }
            }
            _ => problem,
        }));
        node
    }

    fn read_schema(
        &mut self,
        path: &str,
        sources: &dyn Sources,
        problems: &mut Vec<Problem>,
    ) -> Option<Node> {
        let file =
            portcullis_document::load_text(path, sources).map_err(|problem| problems.push(problem)).ok()?;
        let schema = graphql::read(file, problems);
        let node = graphql::path_item(&[&schema]);
        self.schemas.insert(path.to_owned(), schema);
        node
    }
}

impl Site {
    fn other_document(&self) -> Option<(String, Option<Place>)> {
        match parse_target(&self.base, &self.text) {
            Target::Inside { path, .. } if path != self.base => Some((path, Some(self.place.clone()))),
            _ => None,
        }
    }
}

/// Why a reference leads nowhere.
enum Dangling<'l> {
    Network,
    Anchor,
    Unread,
    Nowhere { step: String, meant: Option<&'l str> },
}

impl<'l> Dangling<'l> {
    fn nowhere(root: &'l Node, steps: &[String], depth: usize) -> Self {
        let step = steps.get(depth).cloned().unwrap_or_default();
        let parent = walk(root, steps.get(..depth).unwrap_or_default()).ok();
        let keys =
            parent.and_then(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.text.as_str());
        let meant = nearest(&step, keys);
        Self::Nowhere { step, meant }
    }

    fn problem(&self, text: &str, place: &Place) -> Problem {
        let (code, message, label, remedy) = match self {
            Self::Network => (
                "contract.ref_network",
                format!("`{text}` is on the network, where contracts are not read from"),
                "not followed".to_owned(),
                Some("keep a copy beside this document and refer to that".to_owned()),
            ),
            Self::Anchor => (
                "contract.ref_anchor",
                format!("`{text}` refers to an anchor, which is not followed"),
                "not a pointer".to_owned(),
                Some("refer by place, as in `#/components/schemas/Customer`".to_owned()),
            ),
            Self::Unread => (
                "contract.ref_unread",
                format!("`{text}` is in a document that could not be read"),
                "refers to it here".to_owned(),
                None,
            ),
            Self::Nowhere { step, meant } => (
                "contract.ref_missing",
                format!("`{text}` refers to something that is not there"),
                format!("there is no `{step}`"),
                meant.map(|meant| format!("did you mean `{meant}`?")),
            ),
        };
        let problem = Problem::error(code, message).at(place).label(label);
        match remedy {
            Some(remedy) => problem.remedy(remedy),
            None => problem,
        }
    }
}

fn as_warning(problem: Problem, times: usize) -> Problem {
    let message = match times {
        0 | 1 => problem.message,
        more => format!("{} ({more} times)", problem.message),
    };
    Problem { severity: Severity::Warning, message, ..problem }
}

fn key(place: &Place) -> (String, usize) {
    (place.file().name().to_owned(), place.span().start)
}

fn too_many(named_at: Option<&Place>) -> Problem {
    let message = format!("a contract is made of at most {DOCUMENT_LIMIT} documents");
    let problem = Problem::error("contract.too_many_documents", message);
    match named_at {
        Some(place) => problem.at(place).label("one too many"),
        None => problem,
    }
}

/// Reads one document. A root that cannot be read is a mistake; a document only referred to may not be needed,
/// so that is a warning until something is looked for in it.
/// Reads a document of OpenAPI, or part of one.
fn read_openapi(path: &str, sources: &dyn Sources, problems: &mut Vec<Problem>) -> Option<Node> {
    let Parsed { root, problems: met } = portcullis_document::load(path, sources);
    problems.extend(met);
    root
}

/// Gathers every `$ref` under a node, without recursion: documents may be deep.
fn gather(root: &Node, base: &str, into: &mut Vec<Site>) {
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        if let Some((text, value)) = reference(node) {
            into.push(Site { base: base.to_owned(), text: text.to_owned(), place: value.place.clone() });
        }
        waiting.extend(node.items().unwrap_or_default().iter().rev());
        let parts = node.entries().unwrap_or_default().iter().rev().filter(|entry| {
            let key = entry.key.text.as_str();
            !DATA_KEYS.contains(&key) && !key.starts_with("x-")
        });
        waiting.extend(parts.map(|entry| &entry.value));
    }
}
