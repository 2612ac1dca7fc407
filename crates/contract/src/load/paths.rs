//! `paths`: from path items and their methods to operations.

use std::sync::Arc;

use http::Method;
use portcullis_document::{Entry, Node, Problem, nearest};
use portcullis_model::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::library::{Library, Located};
use super::requests::Requests;
use super::{calls, security, servers, surface};
use crate::check::{RequestRules, ResponseRules};
use crate::contract::Contract;
use crate::operation::{DeclaredCall, Frozen, Operation, Security, operation_id};
use crate::surface::Surface;
use crate::template::{Template, TemplateMistake, TemplateOddity};

/// The methods a path item may have. `query` is OpenAPI 3.2's.
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// What else a path item may have.
const OTHER_KEYS: [&str; 5] = ["$ref", "summary", "description", "servers", "parameters"];

/// What an operation takes from around it where it does not say otherwise.
#[derive(Clone, Debug)]
pub(super) struct Inherited {
    pub(super) bases: Vec<String>,
    pub(super) security: Option<Security>,
}

/// Reads the paths of one root document into the contract.
pub(super) struct Reader<'r> {
    pub(super) site: &'r str,
    pub(super) root: &'r str,
    pub(super) library: &'r Library,
    /// The root document.
    pub(super) document: Located<'r>,
    /// Fields of schemas read so far.
    pub(super) known: surface::Known,
    pub(super) contract: &'r mut Contract,
    pub(super) problems: &'r mut Vec<Problem>,
    /// Reads what is declared of requests and responses; absent where nobody holds them against it.
    pub(super) bodies: Option<Requests<'r>>,
}

/// A path as written, and where.
#[derive(Clone, Copy)]
struct Path<'r> {
    entry: &'r Entry,
    kind: PathKind,
}

/// An operation as written, and the path item around it.
#[derive(Clone, Copy)]
struct Called<'r> {
    item: Located<'r>,
    operation: Located<'r>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PathKind {
    /// A path and nothing else.
    Plain,
    /// One with a query behind it: others like it are no surprise.
    Queried,
}

impl<'r> Reader<'r> {
    /// Reads every path item.
    pub(super) fn read_paths(&mut self, root: Located<'r>, inherited: &Inherited) {
        let Some(paths) = root.node.get("paths") else { return };
        let Some(entries) = paths.entries() else {
            let message = format!("`paths` is a map of paths, not {}", paths.value.describe());
            self.problems.push(Problem::error("contract.paths", message).at(&paths.place));
            return;
        };
        for entry in entries.iter().filter(|entry| !entry.key.text.starts_with("x-")) {
            if let Some(kind) = self.check_path(entry) {
                let item = Located { node: &entry.value, ..root };
                self.read_item(Path { entry, kind }, item, inherited);
            }
        }
    }

    /// Says what is wrong or odd with a path, once, whatever it is declared under.
    fn check_path(&mut self, entry: &Entry) -> Option<PathKind> {
        let written = &entry.key;
        match Template::parse(&written.text) {
            Err(mistake) => {
                self.problems.push(path_mistake(entry, &mistake));
                None
            }
            Ok((_, oddities)) => {
                self.problems.extend(oddities.iter().map(|oddity| {
                    Problem::warning("contract.odd_path", oddity.to_string()).at(&written.place)
                }));
                let queried =
                    oddities.iter().any(|oddity| matches!(oddity, TemplateOddity::QueryOrFragment(_)));
                Some(if queried { PathKind::Queried } else { PathKind::Plain })
            }
        }
    }

    fn read_item(&mut self, path: Path<'_>, item: Located<'r>, inherited: &Inherited) {
        let followed = match self.library.follow(item) {
            Ok(followed) => followed,
            Err(problem) => return self.problems.push(problem),
        };
        if followed.node.entries().is_none() {
            let message = format!("a path has a map of methods, not {}", followed.node.value.describe());
            return self
                .problems
                .push(Problem::error("contract.path_item", message).at(&followed.node.place));
        }
        self.read_methods(path, followed, inherited);
        if !std::ptr::eq(item.node, followed.node) {
            self.read_methods(path, item, inherited); // methods written beside a `$ref` are the path's own
        }
    }

    fn read_methods(&mut self, path: Path<'_>, item: Located<'r>, inherited: &Inherited) {
        let bases = servers::read_servers(item.node.get("servers"), self.problems);
        let inherited = Inherited {
            bases: bases.unwrap_or_else(|| inherited.bases.clone()),
            security: inherited.security.clone(),
        };
        for entry in item.node.entries().unwrap_or_default() {
            let key = entry.key.text.as_str();
            if key.starts_with("x-") || OTHER_KEYS.contains(&key) {
                continue;
            }
            match Method::from_bytes(key.to_ascii_uppercase().as_bytes()) {
                Ok(method) if METHODS.contains(&key.to_ascii_lowercase().as_str()) => {
                    let operation = Called { item, operation: Located { node: &entry.value, ..item } };
                    self.read_operation(path, &method, operation, &inherited);
                }
                _ => self.problems.push(unknown_key(entry)),
            }
        }
    }

    fn read_operation(&mut self, path: Path<'_>, method: &Method, at: Called<'r>, inherited: &Inherited) {
        let operation = match self.library.follow(at.operation) {
            Ok(followed) => followed,
            Err(problem) => return self.problems.push(problem),
        };
        let node = operation.node;
        if node.entries().is_none() {
            let message = format!("an operation is a map, not {}", node.value.describe());
            return self.problems.push(Problem::error("contract.operation", message).at(&node.place));
        }
        let said = Said {
            operation_id: node.get("operationId").and_then(Node::as_str).map(SmolStr::from),
            deprecated: read_deprecated(node, self.problems),
            sunset: read_sunset(node, self.problems),
            frozen: read_frozen(node, self.problems),
            calls: calls::read(node, self.problems).map(Arc::from),
            security: security::read_security(node.get("security"), self.contract.schemes(), self.problems)
                .or_else(|| inherited.security.clone())
                .unwrap_or(Security::Unstated),
            requests: match &mut self.bodies {
                Some(bodies) => Arc::new(bodies.read(at.item, operation, self.problems)),
                None => Arc::default(),
            },
            responses: match &mut self.bodies {
                Some(bodies) => Arc::new(bodies.read_responses(operation, self.problems)),
                None => Arc::default(),
            },
            surface: Arc::new(surface::read(
                self.library,
                &mut self.known,
                self.document,
                at.item,
                operation,
            )),
        };
        let bases = servers::read_servers(node.get("servers"), self.problems);
        for base in bases.as_ref().unwrap_or(&inherited.bases) {
            self.declare(path, base, method, &said);
        }
    }

    fn declare(&mut self, path: Path<'_>, base: &str, method: &Method, said: &Said) {
        let written = &path.entry.key;
        let slash = if written.text.starts_with('/') { "" } else { "/" };
        let template = match Template::parse(&format!("{base}{slash}{}", written.text)) {
            Ok((template, _)) => template,
            Err(mistake) => return self.problems.push(path_mistake(path.entry, &mistake)),
        };
        let operation = Operation {
            id: operation_id(self.site, method.as_str(), &template),
            name: format_smolstr!("{method} {template}"),
            method: method.clone(),
            template,
            operation_id: said.operation_id.clone(),
            deprecated: said.deprecated,
            sunset: said.sunset,
            frozen: said.frozen,
            calls: said.calls.clone(),
            security: said.security.clone(),
            requests: Arc::clone(&said.requests),
            surface: Arc::clone(&said.surface),
            responses: Arc::clone(&said.responses),
            document: self.root.into(),
            place: written.place.clone(),
        };
        let name = operation.name.clone();
        if let Err(known) = self.contract.declare(operation)
            && path.kind == PathKind::Plain
        {
            let problem = if known.document == self.root { twice(&name, known) } else { clash(&name, known) };
            self.problems.push(problem.at(&written.place));
        }
    }
}

/// Declared twice in one document: the first is used.
fn twice(name: &str, known: &Operation) -> Problem {
    Problem::warning("contract.duplicate_operation", format!("`{name}` is declared already"))
        .label("not used")
        .also(&known.place, format!("`{}` is used", known.name))
        .remedy("paths that differ in the names of their parameters alone are the same path")
}

/// Declared in two documents: which is meant, nobody can tell.
fn clash(name: &str, known: &Operation) -> Problem {
    Problem::error("contract.clash", format!("`{name}` is declared in two documents"))
        .label("here")
        .also(&known.place, format!("and here, in `{}`", known.document))
        .remedy("take one of them out; versions before this one are named under `former`")
}

/// What a document says of an operation, apart from where it is.
struct Said {
    operation_id: Option<SmolStr>,
    deprecated: bool,
    sunset: Option<Timestamp>,
    frozen: Option<Frozen>,
    calls: Option<Arc<[DeclaredCall]>>,
    security: Security,
    requests: Arc<RequestRules>,
    surface: Arc<Surface>,
    responses: Arc<ResponseRules>,
}

fn read_deprecated(node: &Node, problems: &mut Vec<Problem>) -> bool {
    let Some(value) = node.get("deprecated") else { return false };
    value.as_bool().unwrap_or_else(|| {
        let message = format!("`deprecated` is true or false, not {}", value.value.describe());
        problems
            .push(Problem::warning("contract.deprecated", message).at(&value.place).label("read as true"));
        true
    })
}

/// `x-sunset`: a day, or an RFC 3339 time.
fn read_sunset(node: &Node, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    let value = node.get("x-sunset")?;
    let text = value.as_str().unwrap_or_default();
    let time = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")));
    if time.is_none() {
        let message = format!("`x-sunset` is a day or a time, not {}", value.value.describe());
        problems.push(
            Problem::warning("contract.sunset", message)
                .at(&value.place)
                .label("not used")
                .remedy("write it as in `x-sunset: \"2027-03-31\"` or `x-sunset: \"2027-03-31T22:00:00Z\"`"),
        );
    }
    time
}

/// `x-portcullis-checks`; what cannot be read refuses nothing.
fn read_frozen(node: &Node, problems: &mut Vec<Problem>) -> Option<Frozen> {
    let value = node.get("x-portcullis-checks")?;
    match value.as_str() {
        Some("block") => Some(Frozen::Block),
        Some("monitor") => Some(Frozen::Monitor),
        _ => {
            let message =
                format!("`x-portcullis-checks` is `monitor` or `block`, not {}", value.value.describe());
            problems.push(
                Problem::warning("contract.frozen", message).at(&value.place).label("read as `monitor`"),
            );
            Some(Frozen::Monitor)
        }
    }
}

fn unknown_key(entry: &Entry) -> Problem {
    let key = entry.key.text.as_str();
    let problem =
        Problem::warning("contract.unknown_key", format!("`{key}` is not a method a path can have"))
            .at(&entry.key.place)
            .label("not used");
    match nearest(key, METHODS.into_iter().chain(OTHER_KEYS)) {
        Some(meant) => problem.remedy(format!("did you mean `{meant}`?")),
        None => problem.remedy(format!("a path has {}; own keys begin with `x-`", METHODS.join(", "))),
    }
}

fn path_mistake(entry: &Entry, mistake: &TemplateMistake) -> Problem {
    Problem::error("contract.path", mistake.to_string())
        .at(&entry.key.place)
        .remedy("parameters are written as in `/customers/{customerId}`")
}
