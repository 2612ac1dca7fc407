//! Overrides: where a server is known to answer a test otherwise, and why, in go-ftw's format.

use std::sync::Arc;

use portcullis_document::{Entry, Node, Problem, SourceFile, read};

use super::Expected;
use super::read::Reader;

/// One known deviation.
#[derive(Clone, Debug)]
pub struct Override {
    /// The rule whose tests it is about.
    pub rule: u32,
    /// The tests' numbers.
    pub tests: Vec<u32>,
    /// Why.
    pub reason: String,
    /// What comes of them instead; absent where the tests are left out.
    pub expected: Option<Expected>,
}

/// The overrides of a file, and what is wrong with it.
pub fn overrides(file: &Arc<SourceFile>) -> (Vec<Override>, Vec<Problem>) {
    let parsed = read(file);
    let mut reader = Reader { problems: parsed.problems };
    let list = parsed.root.as_ref().and_then(|root| root.entry("test_overrides"));
    let nodes = list.and_then(|entry| entry.value.items()).unwrap_or_default();
    let found = nodes.iter().map(|node| one(node, &mut reader)).collect();
    (found, reader.problems)
}

fn one(node: &Node, reader: &mut Reader) -> Override {
    let mut found = Override { rule: 0, tests: Vec::new(), reason: String::new(), expected: None };
    let known = ["rule_id", "test_ids", "reason", "expect_failure", "output"];
    for Entry { key, value } in reader.entries(node, &known) {
        match key.text.as_str() {
            "rule_id" => found.rule = reader.number(value).unwrap_or_default(),
            "test_ids" => found.tests = reader.ids(value),
            "reason" => value.as_str().unwrap_or_default().trim().clone_into(&mut found.reason),
            "output" => found.expected = Some(reader.expected(value)),
            _ => {}
        }
    }
    found
}
