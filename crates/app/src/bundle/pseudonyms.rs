//! Texts as pseudonyms, unless the program itself knows them.
//!
//! Invariant: a text that stays as it is occurs in the policy's schema, or is a number with a unit; everything else
//! becomes a hash under a key that is thrown away.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use portcullis_document::{Node, Sources, join};
use serde_json::Value;

use crate::files::FileSources;

/// What may stand behind a number.
const UNITS: [&str; 14] = ["", "%", "ms", "s", "m", "h", "d", "B", "KB", "MB", "GB", "KiB", "MiB", "GiB"];
/// Longer numbers may be somebody's.
const DIGITS: usize = 6;

/// Makes pseudonyms of one bundle.
pub(super) struct Pseudonyms {
    key: [u8; 32],
    known: BTreeSet<String>,
}

impl Pseudonyms {
    /// With a key of its own, and the words of a schema.
    pub(super) fn new(schema: &Value) -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| anyhow::anyhow!("the system has no randomness: {error}"))?;
        let mut known = BTreeSet::new();
        gather(schema, &mut known);
        Ok(Self { key, known })
    }

    /// The documents of the policy at `config`, in their order.
    pub(super) fn documents(&self, config: &Path) -> Result<Value> {
        let root = config.to_string_lossy();
        let names: Vec<String> = match FileSources.list(&root) {
            Ok(names) => names.iter().map(|name| join(&format!("{root}/"), name)).collect(),
            Err(_) => vec![root.into_owned()],
        };
        let read = |name: &String| {
            let parsed = portcullis_document::load(name, &FileSources);
            parsed.root.map(|root| self.node(&root)).with_context(|| format!("{name} cannot be read"))
        };
        names.iter().map(read).collect()
    }

    fn node(&self, node: &Node) -> Value {
        if let Some(entries) = node.entries() {
            return entries.iter().map(|one| (self.text(&one.key.text), self.node(&one.value))).collect();
        }
        if let Some(items) = node.items() {
            return items.iter().map(|item| self.node(item)).collect();
        }
        match &node.value {
            portcullis_document::Value::Bool(value) => (*value).into(),
            portcullis_document::Value::Int(value) => self.text(&value.to_string()).into(),
            portcullis_document::Value::Float(value) => self.text(&value.to_string()).into(),
            portcullis_document::Value::String(text) => self.text(text).into(),
            _ => Value::Null,
        }
    }

    /// A line of metrics, whose labels' values are pseudonyms but for these.
    pub(super) fn sample(&self, line: &str, words: &[&str]) -> String {
        let Some((name, rest)) = line.split_once('{').filter(|_| !line.starts_with('#')) else {
            return line.to_owned();
        };
        let Some((labels, value)) = rest.rsplit_once("} ") else { return self.text(line) };
        let labels = labels.split("\",").filter_map(|label| {
            let (label, value) = label.split_once("=\"")?;
            let value = value.trim_end_matches('"');
            let shown =
                if words.contains(&label) || label == "le" { value.to_owned() } else { self.text(value) };
            Some(format!("{label}=\"{shown}\""))
        });
        format!("{name}{{{}}} {value}", labels.collect::<Vec<_>>().join(","))
    }

    fn text(&self, text: &str) -> String {
        if self.known.contains(text) || is_number(text) {
            return text.to_owned();
        }
        let hash = blake3::keyed_hash(&self.key, text.as_bytes()).to_hex();
        format!("~{}", hash.get(..10).unwrap_or_default())
    }
}

/// The names of keys and the words that a schema allows.
fn gather(schema: &Value, known: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("properties", Value::Object(keys)) => known.extend(keys.keys().cloned()),
                    ("const", Value::String(word)) => _ = known.insert(word.clone()),
                    ("enum", Value::Array(words)) => {
                        known.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
                gather(value, known);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, known)),
        _ => {}
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(|one: char| one.is_ascii_digit());
    let count = text.len() - digits.len();
    let fraction =
        digits.strip_prefix('.').map(|rest| rest.trim_start_matches(|one: char| one.is_ascii_digit()));
    (1..=DIGITS).contains(&count)
        && text.len() <= 2 * DIGITS
        && UNITS.contains(&fraction.unwrap_or(digits).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_program_knows_and_numbers_stay() {
        let schema = serde_json::json!({ "properties": { "sites": { "enum": ["block"] } }, "title": "shop" });
        let pseudonyms = Pseudonyms::new(&schema).expect("randomness");
        for text in ["sites", "block", "10", "2.5", "20ms", "5%", "64 KiB"] {
            assert_eq!(pseudonyms.text(text), text);
        }
        for text in ["shop", "10.0.0.1", "491711234567", "127.0.0.1:80", "", "5 Main Street", "4111 1111"] {
            let other = pseudonyms.text(text);
            assert!(other.starts_with('~') && other.len() == 11, "{text}: {other}");
            assert_eq!(other, pseudonyms.text(text));
            assert_ne!(other, Pseudonyms::new(&schema).expect("randomness").text(text));
        }
        let line = pseudonyms.sample("x_total{site=\"acme\",action=\"block\"} 3", &["action"]);
        assert!(line.starts_with("x_total{site=\"~") && line.ends_with(",action=\"block\"} 3"), "{line}");
    }
}
