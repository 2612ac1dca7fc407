//! Test files to tests, every mistake with its place.

use std::sync::Arc;

use base64::Engine;
use portcullis_document::{Entry, Node, Problem, Severity, SourceFile, Value, nearest, read};
use regex_automata::meta::Regex;

use super::template::expand;
use super::{Autocomplete, Expected, Input, Retry, Stage, Test};

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Its tests; those that could not be read are left out.
    pub tests: Vec<Test>,
    /// What is wrong or unknown.
    pub problems: Vec<Problem>,
}

/// The tests of a file. A file that is all comments has none.
pub fn load(file: &Arc<SourceFile>) -> Loaded {
    let parsed = read(file);
    let mut reader = Reader { problems: parsed.problems };
    let tests = match &parsed.root {
        Some(root) if !root.is_null() => reader.file(root),
        _ => Vec::new(),
    };
    Loaded { tests, problems: reader.problems }
}

/// Keys of each level; some of them say nothing about requests or outcomes.
const FILE: [&str; 3] = ["meta", "rule_id", "tests"];
const TEST: [&str; 5] = ["test_id", "test_title", "desc", "description", "stages"];
const INPUT: [&str; 17] = [
    "dest_addr",
    "port",
    "protocol",
    "method",
    "uri",
    "version",
    "headers",
    "ordered_headers",
    "data",
    "encoded_request",
    "autocomplete_headers",
    "stop_magic",
    "save_cookie",
    "follow_redirect",
    "virtual_host_mode",
    "description",
    "collection_name",
];
const OUTPUT: [&str; 8] = [
    "status",
    "response_contains",
    "log_contains",
    "no_log_contains",
    "expect_error",
    "log",
    "retry_once",
    "isolated",
];
const LOG: [&str; 5] = ["expect_ids", "no_expect_ids", "match_regex", "no_match_regex", "isolated"];

pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    fn wrong(&mut self, node: &Node, needed: &str) {
        let message = format!("this is {}, {needed} is needed", node.value.describe());
        self.problems.push(Problem::error("ftw.type", message).at(&node.place));
    }

    pub(super) fn entries<'a>(&mut self, node: &'a Node, known: &[&str]) -> &'a [Entry] {
        let Some(entries) = node.entries() else {
            self.wrong(node, "a map");
            return &[];
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.text.as_str())) {
            let name = entry.key.text.as_str();
            let message = format!("`{name}` is not a key of the format");
            let problem = Problem::warning("ftw.key", message).at(&entry.key.place);
            self.problems.push(match nearest(name, known.iter().copied()) {
                Some(near) => problem.remedy(format!("did you mean `{near}`?")),
                None => problem,
            });
        }
        entries
    }

    fn items<'a>(&mut self, node: &'a Node) -> &'a [Node] {
        if let Some(items) = node.items() {
            return items;
        }
        if !node.is_null() {
            self.wrong(node, "a list");
        }
        &[]
    }

    fn file(&mut self, root: &Node) -> Vec<Test> {
        let entries = self.entries(root, &FILE);
        let rule = entries.iter().find(|entry| entry.key.text == "rule_id");
        let rule = rule.and_then(|entry| self.number(&entry.value)).unwrap_or(0);
        let tests = entries.iter().filter(|entry| entry.key.text == "tests");
        let nodes: Vec<&Node> = tests.flat_map(|entry| self.items(&entry.value)).collect();
        nodes.into_iter().filter_map(|node| self.test(node, rule)).collect()
    }

    fn test(&mut self, node: &Node, rule: u32) -> Option<Test> {
        let before = self.errors();
        let mut test = Test { rule, number: 0, description: String::new(), stages: Vec::new() };
        for Entry { key, value } in self.entries(node, &TEST) {
            match key.text.as_str() {
                "test_id" => test.number = self.number(value).unwrap_or_default(),
                "test_title" => (test.rule, test.number) = self.title(value).unwrap_or_default(),
                "desc" | "description" => test.description = text(value).unwrap_or_default(),
                "stages" => {
                    let stages = self.items(value).iter();
                    test.stages = stages.map(|stage| self.stage(stage)).collect();
                }
                _ => {}
            }
        }
        (self.errors() == before).then_some(test)
    }

    fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// `942100-1`, the name of a test before tests had numbers.
    fn title(&mut self, node: &Node) -> Option<(u32, u32)> {
        let parts = text(node).and_then(|title| {
            let (rule, number) = title.split_once('-')?;
            Some((rule.parse().ok()?, number.parse().ok()?))
        });
        if parts.is_none() {
            self.wrong(node, "a name like 942100-1");
        }
        parts
    }

    fn stage(&mut self, node: &Node) -> Stage {
        let node = node.entry("stage").map_or(node, |entry| &entry.value);
        let mut stage = Stage { input: blank(), expected: Expected::default() };
        for Entry { key, value } in self.entries(node, &["input", "output", "description"]) {
            match key.text.as_str() {
                "input" => stage.input = self.input(value),
                "output" => stage.expected = self.expected(value),
                _ => {}
            }
        }
        stage
    }

    fn input(&mut self, node: &Node) -> Input {
        let mut input = blank();
        for Entry { key, value } in self.entries(node, &INPUT) {
            match key.text.as_str() {
                "method" => input.method = self.text(value),
                "uri" => input.uri = self.text(value),
                "version" => input.version = self.text(value),
                "headers" => input.headers.extend(self.headers(value)),
                "ordered_headers" => input.headers.extend(self.ordered_headers(value)),
                "data" => input.data = Some(self.data(value)),
                "encoded_request" => input.encoded = self.encoded(value),
                "autocomplete_headers" if self.truth(value) == Some(false) => {
                    input.autocomplete = Autocomplete::Nothing;
                }
                "stop_magic" if self.truth(value) == Some(true) => {
                    input.autocomplete = Autocomplete::Nothing;
                }
                _ => {}
            }
        }
        input
    }

    fn headers(&mut self, node: &Node) -> Vec<(String, String)> {
        let Some(entries) = node.entries() else {
            self.wrong(node, "a map");
            return Vec::new();
        };
        entries.iter().map(|entry| (entry.key.text.clone(), self.text(&entry.value))).collect()
    }

    fn ordered_headers(&mut self, node: &Node) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for item in self.items(node) {
            let part = |name: &str| item.entry(name).and_then(|entry| text(&entry.value));
            match (part("name"), part("value")) {
                (Some(name), Some(value)) => found.push((name, value)),
                _ => self.wrong(item, "a map of `name` and `value`"),
            }
        }
        found
    }

    /// The body. Lists of lines are joined, as the format once allowed.
    fn data(&mut self, node: &Node) -> Vec<u8> {
        match node.items() {
            Some(lines) => {
                let lines: Vec<String> = lines.iter().map(|line| self.text(line)).collect();
                lines.join("\r\n").into_bytes()
            }
            None => expand(&self.text(node)).into_bytes(),
        }
    }

    fn encoded(&mut self, node: &Node) -> Option<Vec<u8>> {
        let written: String = self.text(node).split_whitespace().collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(written).ok();
        if decoded.is_none() {
            self.wrong(node, "a request in Base64");
        }
        decoded.filter(|bytes| !bytes.is_empty())
    }

    pub(super) fn expected(&mut self, node: &Node) -> Expected {
        let mut expected = Expected::default();
        for Entry { key, value } in self.entries(node, &OUTPUT) {
            match key.text.as_str() {
                "status" => expected.status = self.statuses(value),
                "response_contains" => expected.response_contains = Some(self.text(value)),
                "log_contains" => expected.log_matches = self.pattern(value),
                "no_log_contains" => expected.log_lacks = self.pattern(value),
                "expect_error" => expected.error = self.truth(value),
                "log" => self.log(value, &mut expected),
                "isolated" => expected.isolated = self.truth(value) == Some(true),
                "retry_once" if self.truth(value) == Some(true) => expected.retry = Retry::Once,
                _ => {}
            }
        }
        expected
    }

    fn log(&mut self, node: &Node, expected: &mut Expected) {
        for Entry { key, value } in self.entries(node, &LOG) {
            match key.text.as_str() {
                "expect_ids" => expected.ids = self.ids(value),
                "no_expect_ids" => expected.no_ids = self.ids(value),
                "match_regex" => expected.log_matches = self.pattern(value),
                "no_match_regex" => expected.log_lacks = self.pattern(value),
                "isolated" => expected.isolated = self.truth(value) == Some(true),
                _ => {}
            }
        }
    }

    fn pattern(&mut self, node: &Node) -> Option<Regex> {
        let written = self.text(node);
        match Regex::new(&written) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                let message = format!("this pattern cannot be used: {why}");
                self.problems.push(Problem::error("ftw.pattern", message).at(&node.place));
                None
            }
        }
    }

    fn statuses(&mut self, node: &Node) -> Vec<u16> {
        let numbers = self.ids(node);
        numbers.into_iter().filter_map(|number| u16::try_from(number).ok()).collect()
    }

    /// One number or a list of them.
    pub(super) fn ids(&mut self, node: &Node) -> Vec<u32> {
        match node.items() {
            Some(items) => items.iter().filter_map(|item| self.number(item)).collect(),
            None if node.is_null() => Vec::new(),
            None => self.number(node).into_iter().collect(),
        }
    }

    pub(super) fn number(&mut self, node: &Node) -> Option<u32> {
        let number = text(node).and_then(|text| text.parse().ok());
        if number.is_none() {
            self.wrong(node, "a number");
        }
        number
    }

    fn truth(&mut self, node: &Node) -> Option<bool> {
        let truth = node.as_bool();
        if truth.is_none() {
            self.wrong(node, "true or false");
        }
        truth
    }

    fn text(&mut self, node: &Node) -> String {
        text(node).unwrap_or_else(|| {
            self.wrong(node, "text");
            String::new()
        })
    }
}

/// The text of a scalar as it is written: `80` and `1.0` are what they look like.
fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(node.place.text().to_owned()),
        Value::List(_) | Value::Map(_) => None,
    }
}

fn blank() -> Input {
    Input {
        method: "GET".to_owned(),
        uri: "/".to_owned(),
        version: "HTTP/1.1".to_owned(),
        headers: Vec::new(),
        data: None,
        encoded: None,
        autocomplete: Autocomplete::Fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE_TEXT: &str = r#"
meta: { author: someone }
rule_id: 942100
tests:
  - test_id: 1
    desc: a quote
    stages:
      - input:
          port: 80
          uri: "/?q='"
          headers: { Host: localhost, X-Number: 1.0 }
        output: { status: 200, log: { expect_ids: [942100], no_expect_ids: [1, 2] } }
  - test_title: 942100-7
    stages:
      - stage:
          input: { encoded_request: "R0VUIC8NCg==", stop_magic: true }
          output: { status: [400, 403], no_log_contains: 'id "1"', expect_error: false, retry_once: true }
"#;

    #[test]
    fn both_generations_of_the_format_are_read() {
        let loaded = load(&SourceFile::new("t.yaml", FILE_TEXT));
        assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
        let [first, second] = loaded.tests.as_slice() else { panic!("{loaded:?}") };
        assert_eq!((first.name(), second.name()), ("942100-1".to_owned(), "942100-7".to_owned()));
        let (input, expected) = (&first.stages[0].input, &first.stages[0].expected);
        assert_eq!((input.method.as_str(), input.uri.as_str()), ("GET", "/?q='"));
        assert_eq!(input.headers[1], ("X-Number".to_owned(), "1.0".to_owned()));
        assert_eq!((&expected.ids, &expected.no_ids), (&vec![942_100], &vec![1, 2]));
        let (input, expected) = (&second.stages[0].input, &second.stages[0].expected);
        assert_eq!(input.bytes(), b"GET /\r\n");
        assert_eq!((&expected.status, expected.retry), (&vec![400, 403], Retry::Once));
        assert_eq!(expected.error, Some(false));
    }

    #[test]
    fn a_broken_test_is_left_out_and_explained() {
        let text = "rule_id: 1\ntests:\n  - test_id: x\n  - { test_id: 2, stage: [] }\n";
        let loaded = load(&SourceFile::new("t.yaml", text));
        let shown: Vec<String> = loaded.problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            shown,
            [
                "t.yaml:3:14: error: this is the text `x`, a number is needed",
                "t.yaml:4:19: warning: `stage` is not a key of the format"
            ]
        );
        assert_eq!(loaded.tests.iter().map(Test::name).collect::<Vec<_>>(), ["1-2"]);
    }

    #[test]
    fn a_file_of_comments_has_no_tests() {
        let loaded = load(&SourceFile::new("t.yaml", "# nothing\n"));
        assert!(loaded.tests.is_empty() && loaded.problems.is_empty(), "{loaded:?}");
    }
}
