//! The operations of an OpenAPI document: what the traffic is made from and what learning is held against.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// References followed in a row.
const HOPS: usize = 16;

/// A document and its operations.
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) root: Value,
    pub(crate) operations: Vec<Declared>,
}

/// One operation.
pub(crate) struct Declared {
    pub(crate) method: String,
    /// The template's segments, base path included, as the document names them.
    pub(crate) segments: Vec<String>,
    pub(crate) path_parameters: Map<String, Value>,
    pub(crate) query: Vec<(String, bool)>,
    /// The schema of the request's body.
    pub(crate) request: Option<Value>,
    /// The status, media type and schema of success.
    pub(crate) status: u16,
    pub(crate) media_type: String,
    pub(crate) response: Option<Value>,
}

impl Declared {
    /// The template with its parameters' names left out.
    pub(crate) fn shape(&self) -> String {
        self.segments.iter().fold(self.method.clone() + " ", |shape, segment| shape + "/" + &erased(segment))
    }

    pub(crate) fn is_parameterised(&self) -> bool {
        self.segments.iter().any(|segment| segment.contains('{'))
    }
}

/// `{id}.json` → `{}.json`.
pub(crate) fn erased(segment: &str) -> String {
    let mut pieces = segment.split('{');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + "{}" + piece.split_once('}').map_or("", |(_, rest)| rest))
}

impl Document {
    pub(crate) fn read(name: &str, text: &str) -> Self {
        let root: Value = serde_json::from_str(text).expect("a corpus document is JSON");
        let mut document = Self { name: name.to_owned(), root, operations: Vec::new() };
        let base = document.base();
        let mut seen = BTreeSet::new();
        let paths = document.root["paths"].as_object().cloned().unwrap_or_default();
        for (path, item) in &paths {
            for method in ["get", "put", "post", "delete", "patch"] {
                let Some(operation) = item.get(method) else { continue };
                let declared = document.declared(method, &format!("{base}{path}"), item, operation);
                if seen.insert(declared.shape()) {
                    document.operations.push(declared);
                }
            }
        }
        document
    }

    fn base(&self) -> String {
        let url = self.root["servers"][0]["url"].as_str().or(self.root["basePath"].as_str()).unwrap_or("");
        let path = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        path.trim_end_matches('/').to_owned()
    }

    fn declared(&self, method: &str, path: &str, item: &Value, operation: &Value) -> Declared {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut declared = Declared {
            method: method.to_ascii_uppercase(),
            segments: path.trim_start_matches('/').split('/').map(str::to_owned).collect(),
            path_parameters: Map::new(),
            query: Vec::new(),
            request: None,
            status: 200,
            media_type: String::new(),
            response: None,
        };
        let lists = [&item["parameters"], &operation["parameters"]];
        for parameter in lists.into_iter().filter_map(Value::as_array).flatten() {
            let parameter = self.resolve(parameter);
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            let schema = self.resolve(parameter.get("schema").unwrap_or(parameter)).clone();
            match parameter["in"].as_str() {
                Some("path") => {
                    declared.path_parameters.insert(name, schema);
                }
                Some("query") => {
                    declared.query.push((name, parameter["required"].as_bool().unwrap_or(false)));
                }
                Some("body") => declared.request = Some(schema),
                _ => {}
            }
        }
        declared.request = declared.request.or_else(|| self.content(&operation["requestBody"])?.1);
        self.take_answer(&mut declared, operation);
        declared
    }

    fn take_answer(&self, declared: &mut Declared, operation: &Value) {
        let Some(responses) = operation["responses"].as_object() else { return };
        let success = responses.iter().find(|(status, _)| status.starts_with('2'));
        let Some((status, response)) =
            success.or_else(|| responses.iter().find(|(name, _)| *name == "default"))
        else {
            return;
        };
        declared.status = status.parse().unwrap_or(200);
        let response = self.resolve(response);
        if let Some((media_type, schema)) = self.content(response) {
            declared.media_type = media_type;
            declared.response = schema;
        } else if let Some(schema) = response.get("schema") {
            "application/json".clone_into(&mut declared.media_type);
            declared.response = Some(schema.clone());
        }
    }

    /// The media type and schema of a body, JSON where there is a choice.
    fn content(&self, body: &Value) -> Option<(String, Option<Value>)> {
        let content = self.resolve(body)["content"].as_object()?;
        let json = content.iter().find(|(name, _)| name.contains("json"));
        let (name, media) = json.or_else(|| content.iter().next())?;
        let name = name.split(';').next().unwrap_or_default().replace("*/*", "application/json");
        Some((name, media.get("schema").cloned()))
    }

    /// What a reference leads to.
    pub(crate) fn resolve<'a>(&'a self, mut value: &'a Value) -> &'a Value {
        for _ in 0..HOPS {
            let Some(pointer) = value["$ref"].as_str().and_then(|text| text.strip_prefix('#')) else { break };
            value =
                self.root.pointer(&pointer.replace("%7B", "{").replace("%7D", "}")).unwrap_or(&Value::Null);
        }
        value
    }
}
