//! What an operation says of its requests, `parameters` and `requestBody` or 2.0's `in: body` and `formData`; and of its
//! `responses`.
//!
//! Invariant: an operation's own parameter replaces its path's of the same name and place. `Accept`, `Content-Type` and
//! `Authorization` are no parameters (OpenAPI 3.1 §4.8.12.2).

use portcullis_document::{Node, Problem};
use smol_str::{SmolStr, ToSmolStr as _};

use super::Purpose;
use super::library::{Library, Located};
use super::schemas::{Compiled, Rules, Schemas, Sender};
use crate::check::{
    AnswerRules, BodyRules, Content, Location, Parameter, RequestRules, ResponseRules, Statuses, Style,
};
use crate::operation::Scheme;

/// Header fields that are declared elsewhere.
const NO_PARAMETERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// Reads what the operations of one document say of their requests and responses.
#[derive(Debug)]
pub(super) struct Requests<'l> {
    library: &'l Library,
    schemas: Schemas<'l>,
    rules: Rules,
    /// 2.0's `consumes` of the whole document.
    consumes: Option<&'l Node>,
    /// 2.0's `produces` of the whole document.
    produces: Option<&'l Node>,
    purpose: Purpose,
    /// Names in the query that carry API keys.
    keys: Vec<SmolStr>,
}

impl<'l> Requests<'l> {
    pub(super) fn new(library: &'l Library, root: Located<'l>, purpose: Purpose, schemes: &[Scheme]) -> Self {
        let version =
            root.node.get("openapi").map(|version| version.as_str().unwrap_or(version.place.text()));
        let own = version.is_none_or(|version| version.starts_with("3.0"));
        let rules = if own { Rules::Own } else { Rules::Standard };
        let key = |scheme: &Scheme| scheme.kind.strip_prefix("apiKey query ").map(SmolStr::from);
        Self {
            library,
            schemas: Schemas::new(library, rules),
            rules,
            consumes: root.node.get("consumes"),
            produces: root.node.get("produces"),
            purpose,
            keys: schemes.iter().filter_map(key).collect(),
        }
    }

    /// Reads one operation's.
    pub(super) fn read(
        &mut self,
        item: Located<'l>,
        operation: Located<'l>,
        problems: &mut Vec<Problem>,
    ) -> RequestRules {
        let declared = self.declared(item, operation);
        let body = operation.node.get("requestBody").map(|node| Located { node, ..operation });
        let body = match body.and_then(|body| self.library.follow(body).ok()) {
            Some(body) => Some(self.body(body, Sender::Client, problems)),
            None => self.old_body(&declared, operation, problems),
        };
        let parameters = declared.iter().filter_map(|one| self.parameter(*one, problems)).collect();
        RequestRules { parameters, body, keys: self.keys.clone() }
    }

    /// Reads what one operation says of its responses, where somebody asks.
    pub(super) fn read_responses(
        &mut self,
        operation: Located<'l>,
        problems: &mut Vec<Problem>,
    ) -> ResponseRules {
        let declared = operation.node.get("responses").filter(|_| self.purpose == Purpose::Exchanges);
        let mut answers = Vec::new();
        for entry in declared.and_then(Node::entries).unwrap_or_default() {
            let Some(statuses) = Statuses::parse(&entry.key.text) else { continue };
            let Ok(at) = self.library.follow(Located { node: &entry.value, ..operation }) else { continue };
            let mut headers = Vec::new();
            for header in at.node.get("headers").and_then(Node::entries).unwrap_or_default() {
                let Ok(value) = self.library.follow(Located { node: &header.value, ..at }) else { continue };
                if !header.key.text.eq_ignore_ascii_case("content-type") {
                    let header =
                        self.value(&header.key.text, Location::Header, value, Sender::Server, problems);
                    headers.push(header);
                }
            }
            let body = self.answer_body(at, operation, problems);
            answers.push((statuses, AnswerRules { headers, body }));
        }
        ResponseRules { answers }
    }

    fn answer_body(
        &mut self,
        at: Located<'l>,
        operation: Located<'l>,
        problems: &mut Vec<Problem>,
    ) -> BodyRules {
        let Some(schema) = at.node.get("schema").filter(|_| self.rules == Rules::Own) else {
            return self.body(at, Sender::Server, problems);
        };
        let compiled = self.schemas.compile(Located { node: schema, ..at }, Sender::Server, problems);
        let produces = operation.node.get("produces").or(self.produces).and_then(Node::items);
        let types = produces.map(|types| types.iter().filter_map(Node::as_str).collect::<Vec<_>>());
        let types = types.unwrap_or_else(|| vec!["application/json"]);
        let content = types.iter().map(|one| content_of(one, compiled.clone())).collect();
        BodyRules { required: false, content }
    }

    fn declared(&self, item: Located<'l>, operation: Located<'l>) -> Vec<Located<'l>> {
        let mut all: Vec<Located<'l>> = Vec::new();
        for owner in [item, operation] {
            let list = owner.node.get("parameters").and_then(Node::items).unwrap_or_default();
            for one in list.iter().filter_map(|node| self.library.follow(Located { node, ..owner }).ok()) {
                let same = |known: &Located<'_>| {
                    text(known.node, "name") == text(one.node, "name")
                        && text(known.node, "in") == text(one.node, "in")
                };
                all.retain(|known| !same(known));
                all.push(one);
            }
        }
        all
    }

    fn parameter(&mut self, at: Located<'l>, problems: &mut Vec<Problem>) -> Option<Parameter> {
        let name = text(at.node, "name")?;
        let location = match text(at.node, "in")? {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" if !NO_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => Location::Header,
            "cookie" => Location::Cookie,
            _ => return None,
        };
        Some(self.value(name, location, at, Sender::Client, problems))
    }

    fn value(
        &mut self,
        name: &str,
        location: Location,
        at: Located<'l>,
        sender: Sender,
        problems: &mut Vec<Problem>,
    ) -> Parameter {
        let json = at.node.get("content").and_then(Node::entries).and_then(<[_]>::first);
        let schema = match (json, at.node.get("schema")) {
            (Some(entry), _) => entry.value.get("schema"),
            (None, Some(schema)) => Some(schema),
            // In 2.0 a parameter is its own schema.
            (None, None) => Some(at.node),
        };
        let compiled = schema.map(|node| self.schemas.compile(Located { node, ..at }, sender, problems));
        let Compiled { schema, coercion } = compiled.unwrap_or_default();
        Parameter {
            name: name.into(),
            location,
            required: truth(at.node, "required"),
            allow_empty: truth(at.node, "allowEmptyValue"),
            style: if json.is_some() { Style::Json } else { style(at.node, location) },
            schema,
            coercion,
        }
    }

    fn body(&mut self, at: Located<'l>, sender: Sender, problems: &mut Vec<Problem>) -> BodyRules {
        let mut content = Vec::new();
        for entry in at.node.get("content").and_then(Node::entries).unwrap_or_default() {
            let schema = entry.value.get("schema").map(|node| Located { node, ..at });
            let compiled =
                schema.map(|schema| self.schemas.compile(schema, sender, problems)).unwrap_or_default();
            content.push(content_of(&entry.key.text, compiled));
        }
        BodyRules { required: truth(at.node, "required"), content }
    }

    /// 2.0: a parameter `in: body`, or several `in: formData`.
    fn old_body(
        &mut self,
        declared: &[Located<'l>],
        operation: Located<'l>,
        problems: &mut Vec<Problem>,
    ) -> Option<BodyRules> {
        if self.rules != Rules::Own {
            return None;
        }
        let of = |place: &'static str| declared.iter().filter(move |one| text(one.node, "in") == Some(place));
        let consumes = operation.node.get("consumes").or(self.consumes).and_then(Node::items);
        let types = |otherwise: &[&str]| match consumes {
            Some(types) => types.iter().filter_map(Node::as_str).map(SmolStr::from).collect::<Vec<_>>(),
            None => otherwise.iter().map(SmolStr::new).collect(),
        };
        if let Some(body) = of("body").next() {
            let schema = body.node.get("schema").map(|node| Located { node, ..*body });
            let compiled = schema
                .map(|schema| self.schemas.compile(schema, Sender::Client, problems))
                .unwrap_or_default();
            let content =
                types(&["application/json"]).iter().map(|one| content_of(one, compiled.clone())).collect();
            return Some(BodyRules { required: truth(body.node, "required"), content });
        }
        let named = |one: &Located<'l>| Some((SmolStr::new(text(one.node, "name")?), *one));
        let fields: Vec<(SmolStr, Located<'l>)> = of("formData").filter_map(named).collect();
        if fields.is_empty() {
            return None;
        }
        let required = fields.iter().any(|(_, field)| truth(field.node, "required"));
        let compiled = self.schemas.compile_form(operation.node, &fields, problems);
        let forms = types(&["application/x-www-form-urlencoded", "multipart/form-data"]);
        let content = forms.iter().map(|one| content_of(one, compiled.clone())).collect();
        Some(BodyRules { required, content })
    }
}

fn content_of(range: &str, compiled: Compiled) -> Content {
    let range = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Content { range: range.to_smolstr(), schema: compiled.schema, coercion: compiled.coercion }
}

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str)
}

fn truth(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool) == Some(true)
}

/// The style, from 3's `style` and `explode` or 2.0's `collectionFormat`.
fn style(node: &Node, location: Location) -> Style {
    let explodes = match node.get("explode").and_then(Node::as_bool) {
        Some(explode) => explode,
        None => {
            node.get("schema").is_some()
                && node.get("style").is_none_or(|style| style.as_str() == Some("form"))
                && matches!(location, Location::Query | Location::Cookie)
        }
    };
    match text(node, "style").or_else(|| text(node, "collectionFormat")) {
        Some("label") => Style::Label,
        Some("matrix") => Style::Matrix,
        Some("deepObject") => Style::Deep,
        Some("spaceDelimited" | "ssv") => Style::Separated(' '),
        Some("pipeDelimited" | "pipes") => Style::Separated('|'),
        Some("tsv") => Style::Separated('\t'),
        Some("multi") => Style::Exploded,
        _ if explodes && location == Location::Query => Style::Exploded,
        _ => Style::Separated(','),
    }
}
