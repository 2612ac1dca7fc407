//! Schemas in GraphQL's language, told as OpenAPI would tell them: the fields of their root types are calls by name, all on
//! one path.
//!
//! Invariants: the schemas a contract begins with are one, however many files it is cut into; every call has its place in
//! the file that declares it. Types below the roots, and arguments, are not looked at.

use std::sync::Arc;

use portcullis_document::{Node, Place, Problem, SourceFile};
use portcullis_model::call::Protocol;
use portcullis_wire::body::graphql::{OperationKind, SchemaDocument, SchemaField, read_schema};

use super::told::{list, map, text, truth};

/// What can be asked of a server.
const KINDS: [OperationKind; 3] =
    [OperationKind::Query, OperationKind::Mutation, OperationKind::Subscription];
/// Where servers have it, if no document says otherwise.
const PATH: &str = "/graphql";

/// One file.
#[derive(Debug)]
pub(super) struct Schema {
    file: Arc<SourceFile>,
    read: SchemaDocument,
}

/// Reads a file.
pub(super) fn read(file: Arc<SourceFile>, problems: &mut Vec<Problem>) -> Schema {
    let read = read_schema(file.text());
    if let Some(mistake) = &read.mistake {
        let place = Place::new(&file, mistake.range.clone());
        let message = format!("`{}` is no schema of GraphQL", file.name());
        let problem = Problem::error("contract.graphql", message);
        problems.push(problem.at(&place).label(format!("here should be {}", mistake.wanted)));
    }
    Schema { file, read }
}

/// A document that declares what the schemas together do; none where there are none.
pub(super) fn document(schemas: &[&Schema], problems: &mut Vec<Problem>) -> Option<Node> {
    let at = schemas.first()?.beginning();
    let item = path_item(schemas)?;
    let is_empty = KINDS.into_iter().all(|kind| calls(schemas, kind).is_empty());
    if is_empty && schemas.iter().all(|schema| schema.read.mistake.is_none()) {
        let message = format!("`{}` declares nothing that can be called", at.file().name());
        let problem = Problem::warning("contract.empty", message).at(&at).label("no root type has fields");
        problems.push(
            problem.remedy("declare fields of `type Query`, or name another type in `schema { query: … }`"),
        );
    }
    let paths = map(&at, [(PATH, item)]);
    Some(map(&at, [("openapi", text(&at, "3.1.0")), ("paths", paths)]))
}

/// What a path has that the schemas are served at.
pub(super) fn path_item(schemas: &[&Schema]) -> Option<Node> {
    let at = schemas.first()?.beginning();
    let calls = list(&at, KINDS.into_iter().flat_map(|kind| calls(schemas, kind)));
    let anything = map(&at, [("*/*", map(&at, []))]);
    let body = map(&at, [("content", anything)]);
    let post = map(&at, [("requestBody", body), ("x-portcullis-calls", calls)]);
    Some(map(&at, [("post", post)]))
}

/// The calls of one kind, as `x-portcullis-calls` has them.
fn calls(schemas: &[&Schema], kind: OperationKind) -> Vec<Node> {
    let Some(root) = root(schemas, kind) else { return Vec::new() };
    let call = |schema: &Schema, field: &SchemaField| {
        let at = Place::new(&schema.file, field.range.clone());
        let name = format!("{} {}", kind.as_str(), field.name);
        map(
            &at,
            [
                ("protocol", text(&at, Protocol::Graphql.as_str())),
                ("name", text(&at, &name)),
                ("deprecated", truth(&at, field.deprecated)),
            ],
        )
    };
    let fields = |schema: &&Schema| -> Vec<Node> {
        let types = schema.read.types.iter().filter(|(name, _)| name == root);
        types.flat_map(|(_, fields)| fields).map(|field| call(schema, field)).collect()
    };
    schemas.iter().flat_map(fields).collect()
}

/// The type whose fields are the calls of a kind. A schema that names the one of queries names all it has (§3.3).
fn root<'s>(schemas: &[&'s Schema], kind: OperationKind) -> Option<&'s str> {
    let said = || schemas.iter().flat_map(|schema| &schema.read.roots);
    if let Some((_, name)) = said().find(|(of, _)| *of == kind) {
        return Some(name);
    }
    let default = match kind {
        OperationKind::Query => "Query",
        OperationKind::Mutation => "Mutation",
        OperationKind::Subscription => "Subscription",
    };
    let names_all = said().any(|(of, _)| *of == OperationKind::Query);
    (!names_all).then_some(default)
}

impl Schema {
    /// The first type, to point at when the schema as a whole is meant.
    fn beginning(&self) -> Place {
        let first = self.read.types.iter().find_map(|(_, fields)| fields.first());
        Place::new(&self.file, first.map_or(0..0, |field| field.range.clone()))
    }
}
