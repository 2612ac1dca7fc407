//! Requests generated from the parameters, schemas and examples of OpenAPI documents.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::case::{Case, escape};
use crate::dice::Dice;
use crate::prose;

const PER_OPERATION: usize = 12;
const DEEPEST: usize = 6;

/// Shows requests for every operation of every document.
pub(crate) fn generate(corpora: &Path, see: &mut dyn FnMut(Case)) {
    let mut files: Vec<_> = std::fs::read_dir(corpora.join("openapi"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let mut maker = Maker {
            document: &document,
            dice: Dice::new(crate::case::hash(file.file_name().unwrap().as_encoded_bytes())),
        };
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if ["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                    for _ in 0..PER_OPERATION {
                        see(maker.request(path, method, operation, item));
                    }
                }
            }
        }
    }
}

struct Maker<'d> {
    document: &'d Value,
    dice: Dice,
}

impl<'d> Maker<'d> {
    fn resolve(&self, mut node: &'d Value) -> &'d Value {
        for _ in 0..8 {
            let Some(pointer) = node["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'))
            else {
                break;
            };
            node = self.document.pointer(pointer).unwrap_or(&Value::Null);
        }
        node
    }

    fn request(&mut self, path: &str, method: &str, operation: &'d Value, item: &'d Value) -> Case {
        let mut path = path.to_owned();
        let (mut query, mut form, mut headers, mut body) = (Vec::new(), Vec::new(), Vec::new(), None);
        let parameters: Vec<&Value> = [&item["parameters"], &operation["parameters"]]
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .collect();
        for parameter in parameters {
            let parameter = self.resolve(parameter);
            let name = parameter["name"].as_str().unwrap_or("x").to_owned();
            let schema = if parameter["schema"].is_object() { &parameter["schema"] } else { parameter };
            let value = if parameter["example"].is_null() {
                self.value(schema, 0, &name)
            } else {
                parameter["example"].clone()
            };
            let text = flat(&value);
            match parameter["in"].as_str().unwrap_or_default() {
                "path" => path = path.replace(&format!("{{{name}}}"), &escape(&text)),
                "query" => query.push(format!("{}={}", escape(&name), escape(&text))),
                "header" => headers.push((name, text)),
                "formData" => form.push(format!("{}={}", escape(&name), escape(&text))),
                "body" => body = Some(("application/json".to_owned(), value)),
                _ => {}
            }
        }
        let content = &self.resolve(&operation["requestBody"])["content"];
        if let Some((media_type, media)) = content.as_object().and_then(|content| content.iter().next()) {
            let value = if media["example"].is_null() {
                self.value(&media["schema"], 0, "body")
            } else {
                media["example"].clone()
            };
            body = Some((media_type.clone(), value));
        }
        let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let key = format!("{target} {headers:?} {form:?} {body:?}");
        let mut case = Case::new("openapi", false, key).target(target);
        case.method = method.to_ascii_uppercase();
        for (name, text) in headers
            .into_iter()
            .filter(|(name, text)| name.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('\n'))
        {
            case = case.header(&name, text);
        }
        match body {
            Some((media_type, value)) if media_type.contains("form-urlencoded") => {
                let pairs: Vec<String> = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| format!("{}={}", escape(name), escape(&flat(value))))
                    .collect();
                case.body(&media_type, pairs.join("&"))
            }
            Some((media_type, value)) if media_type.contains("json") || media_type.contains('*') => {
                case.body("application/json", value.to_string())
            }
            Some((_, value)) => case.body("application/json", value.to_string()),
            None if form.is_empty() => case,
            None => case.body("application/x-www-form-urlencoded", form.join("&")),
        }
    }

    fn value(&mut self, schema: &'d Value, depth: usize, name: &str) -> Value {
        let schema = self.resolve(schema);
        for given in ["example", "default", "const"] {
            if !schema[given].is_null() && self.dice.chance(70) {
                return schema[given].clone();
            }
        }
        if let Some(values) = schema["enum"].as_array().filter(|values| !values.is_empty()) {
            return values[self.dice.below(values.len())].clone();
        }
        for several in ["allOf", "oneOf", "anyOf"] {
            if let Some(schemas) =
                schema[several].as_array().filter(|schemas| !schemas.is_empty() && depth < DEEPEST)
            {
                return self.combined(several, schemas, depth, name);
            }
        }
        match schema["type"].as_str() {
            Some("integer") => json!(self.dice.below(100_000)),
            Some("number") => json!(self.dice.below(100_000) as f64 / 100.0),
            Some("boolean") => json!(self.dice.chance(50)),
            Some("array") if depth < DEEPEST => {
                let length = 1 + self.dice.below(3);
                Value::Array((0..length).map(|_| self.value(&schema["items"], depth + 1, name)).collect())
            }
            Some("string") | None if schema["properties"].is_null() => self.text(schema, name),
            _ if depth < DEEPEST => self.object(schema, depth),
            _ => Value::Null,
        }
    }

    fn combined(&mut self, how: &str, schemas: &'d [Value], depth: usize, name: &str) -> Value {
        if how != "allOf" {
            let chosen = self.dice.below(schemas.len());
            return self.value(&schemas[chosen], depth + 1, name);
        }
        let mut members = Map::new();
        for schema in schemas {
            if let Value::Object(more) = self.value(schema, depth + 1, name) {
                members.extend(more);
            }
        }
        Value::Object(members)
    }

    fn object(&mut self, schema: &'d Value, depth: usize) -> Value {
        let mut members = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if self.dice.chance(80) {
                members.insert(name.clone(), self.value(property, depth + 1, name));
            }
        }
        Value::Object(members)
    }

    fn text(&mut self, schema: &Value, name: &str) -> Value {
        let name = name.to_ascii_lowercase();
        let has = |word: &str| name.contains(word);
        let dice = &mut self.dice;
        json!(match schema["format"].as_str() {
            Some("date") => format!("20{:02}-0{}-1{}", dice.below(30), 1 + dice.below(9), dice.below(10)),
            Some("date-time") => format!(
                "2026-0{}-1{}T0{}:{}:00Z",
                1 + dice.below(9),
                dice.below(10),
                dice.below(10),
                10 + dice.below(50)
            ),
            Some("uuid") => dice.uuid(),
            Some("email") => prose::email(dice),
            Some("uri" | "url") => prose::address(dice),
            Some("byte") => {
                let length = 4 * (3 + dice.below(20));
                dice.token(length)
            }
            Some("ipv4") => format!("203.0.{}.{}", dice.below(256), dice.below(256)),
            _ if has("url") || has("uri") || has("link") => prose::address(dice),
            _ if has("mail") => prose::email(dice),
            _ if has("id") => dice.uuid(),
            _ if has("name") => crate::people::name(dice),
            _ if has("token") || has("key") || has("hash") => dice.token(32),
            _ if has("desc")
                || has("text")
                || has("message")
                || has("note")
                || has("comment")
                || has("body")
                || has("content") =>
                prose::paragraph(dice),
            _ if dice.chance(50) => prose::words(dice, 3),
            _ => prose::sentence(dice),
        })
    }
}

/// A value as a parameter carries it.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
