//! A document's operations as they are written, for whoever reads documents and not traffic: lint and diff.
//!
//! Invariants: references are followed; what an operation takes from around it (parameters, security, base path) stands
//! with it. What cannot be read is left out: loading the contract says what is wrong with it.

use portcullis_document::{Key, Node};
use smol_str::SmolStr;

use super::library::{Library, Located};
use super::servers;
use crate::template::Template;

const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// What one root document declares.
pub(crate) struct Outline<'l> {
    pub(crate) root: Located<'l>,
    pub(crate) calls: Vec<Call<'l>>,
    /// Security schemes by name.
    pub(crate) schemes: Vec<(&'l str, Located<'l>)>,
}

/// One operation.
pub(crate) struct Call<'l> {
    /// Upper case.
    pub(crate) method: String,
    /// With the base path that comes first.
    pub(crate) path: String,
    /// The path with its parameters' names taken off.
    pub(crate) shape: SmolStr,
    pub(crate) operation: Located<'l>,
    /// The path's own and the operation's, the latter in the former's place.
    pub(crate) parameters: Vec<Located<'l>>,
    /// `security` of the operation, else of the document.
    pub(crate) security: Option<&'l Node>,
    pub(crate) body: Option<Body<'l>>,
    /// Responses: the status as written, and what is declared of it.
    pub(crate) answers: Vec<(&'l str, Body<'l>)>,
}

/// What is declared of a body.
#[derive(Clone)]
pub(crate) struct Body<'l> {
    pub(crate) at: Located<'l>,
    pub(crate) required: bool,
    /// Media ranges, and the schema of each.
    pub(crate) content: Vec<(SmolStr, Option<Located<'l>>)>,
}

impl Call<'_> {
    /// `GET /customers/{customerId}`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl<'l> Outline<'l> {
    pub(crate) fn of(library: &'l Library, root: Located<'l>) -> Self {
        let schemes = match root.node.get("securityDefinitions") {
            Some(schemes) => Some(schemes),
            None => root.node.get("components").and_then(|all| all.get("securitySchemes")),
        };
        let schemes = schemes.and_then(Node::entries).unwrap_or_default().iter();
        let schemes = schemes
            .filter_map(|entry| {
                let at = library.follow(Located { node: &entry.value, ..root }).ok()?;
                Some((entry.key.text.as_str(), at))
            })
            .collect();
        let mut outline = Self { root, calls: Vec::new(), schemes };
        let base = first_base(root.node).unwrap_or_default();
        for entry in root.node.get("paths").and_then(Node::entries).unwrap_or_default() {
            if let Ok(item) = library.follow(Located { node: &entry.value, ..root }) {
                outline.read_item(library, &base, &entry.key, item);
            }
        }
        outline
    }

    fn read_item(&mut self, library: &'l Library, base: &str, path: &'l Key, item: Located<'l>) {
        for entry in item.node.entries().unwrap_or_default() {
            if !METHODS.contains(&entry.key.text.to_ascii_lowercase().as_str()) {
                continue;
            }
            let Ok(operation) = library.follow(Located { node: &entry.value, ..item }) else { continue };
            let own = first_base(operation.node).or_else(|| first_base(item.node));
            let slash = if path.text.starts_with('/') { "" } else { "/" };
            let whole = format!("{}{slash}{}", own.as_deref().unwrap_or(base), path.text);
            let shape =
                Template::parse(&whole).map_or_else(|_| whole.as_str().into(), |(read, _)| read.shape());
            let parameters = parameters(library, item, operation);
            self.calls.push(Call {
                method: entry.key.text.to_ascii_uppercase(),
                path: whole,
                shape,
                operation,
                security: operation.node.get("security").or_else(|| self.root.node.get("security")),
                body: self.body(library, operation, &parameters),
                answers: self.answers(library, operation),
                parameters,
            });
        }
    }

    fn body(
        &self,
        library: &'l Library,
        operation: Located<'l>,
        parameters: &[Located<'l>],
    ) -> Option<Body<'l>> {
        if let Some(node) = operation.node.get("requestBody") {
            let at = library.follow(Located { node, ..operation }).ok()?;
            return Some(Body { at, required: is_true(at.node, "required"), content: content(at) });
        }
        let at = *parameters.iter().find(|one| text(one.node, "in") == Some("body"))?;
        let schema = at.node.get("schema").map(|node| Located { node, ..at });
        let content = self.types(operation, "consumes").into_iter().map(|range| (range, schema)).collect();
        Some(Body { at, required: is_true(at.node, "required"), content })
    }

    fn answers(&self, library: &'l Library, operation: Located<'l>) -> Vec<(&'l str, Body<'l>)> {
        let declared = operation.node.get("responses").and_then(Node::entries).unwrap_or_default();
        let answer = |entry: &'l portcullis_document::Entry| {
            let at = library.follow(Located { node: &entry.value, ..operation }).ok()?;
            let content = match at.node.get("schema") {
                Some(node) => {
                    let schema = Some(Located { node, ..at });
                    self.types(operation, "produces").into_iter().map(|range| (range, schema)).collect()
                }
                None => content(at),
            };
            Some((entry.key.text.as_str(), Body { at, required: false, content }))
        };
        declared.iter().filter(|entry| !entry.key.text.starts_with("x-")).filter_map(answer).collect()
    }

    fn types(&self, operation: Located<'l>, key: &str) -> Vec<SmolStr> {
        let said = operation.node.get(key).or_else(|| self.root.node.get(key)).and_then(Node::items);
        match said {
            Some(types) => types.iter().filter_map(Node::as_str).map(range).collect(),
            None => vec!["application/json".into()],
        }
    }
}

/// The schema of a parameter: its own, of the one media type it is written in, or (2.0) itself.
pub(crate) fn parameter_schema(at: Located<'_>) -> Located<'_> {
    let written = at.node.get("content").and_then(Node::entries).and_then(<[_]>::first);
    let schema = written.and_then(|entry| entry.value.get("schema")).or_else(|| at.node.get("schema"));
    schema.map_or(at, |node| Located { node, ..at })
}

/// A key's text.
pub(crate) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

/// Whether a key says `true`.
pub(crate) fn is_true(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool) == Some(true)
}

fn parameters<'l>(library: &'l Library, item: Located<'l>, operation: Located<'l>) -> Vec<Located<'l>> {
    let mut all: Vec<Located<'l>> = Vec::new();
    for owner in [item, operation] {
        let list = owner.node.get("parameters").and_then(Node::items).unwrap_or_default();
        for one in list.iter().filter_map(|node| library.follow(Located { node, ..owner }).ok()) {
            let key = |at: &Located<'l>| (text(at.node, "name"), text(at.node, "in"));
            all.retain(|known| key(known) != key(&one));
            all.push(one);
        }
    }
    all
}

fn content<'l>(at: Located<'l>) -> Vec<(SmolStr, Option<Located<'l>>)> {
    let entries = at.node.get("content").and_then(Node::entries).unwrap_or_default().iter();
    let one = |entry: &'l portcullis_document::Entry| {
        let schema = entry.value.get("schema").map(|node| Located { node, ..at });
        (range(&entry.key.text), schema)
    };
    entries.map(one).collect()
}

fn range(written: &str) -> SmolStr {
    written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().into()
}

/// The first base path of a node's `servers`, or 2.0's `basePath`; what is wrong with them is said elsewhere.
fn first_base(node: &Node) -> Option<String> {
    let mut unsaid = Vec::new();
    if node.get("swagger").is_some() {
        return servers::read_base_path(node, &mut unsaid).into_iter().next();
    }
    servers::read_servers(node.get("servers"), &mut unsaid)?.into_iter().next()
}
