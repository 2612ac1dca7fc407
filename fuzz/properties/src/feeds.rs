//! Feeds of lists, in each form: no more entries than policy allows, and mistakes that can be shown to people.

use std::sync::LazyLock;

use portcullis_document::MemorySources;
use portcullis_engine::lists::Entries;
use portcullis_policy::Policy;

/// The forms feeds have, with few entries allowed.
const POLICY: &str = "listen: 127.0.0.1:1
lists:
  lines: { file: a, of: addresses, max_entries: 20 }
  words: { file: a, max_entries: 20 }
  json:  { file: a, max_entries: 20, json: { at: /prefixes, fields: [ipv4Prefix, ipv6Prefix] } }
  named: { file: a, max_entries: 20, csv: { column: ip } }
  third: { file: a, max_entries: 20, csv: { column: 2, separator: ';' } }
sites: { s: { hosts: a.example, upstream: { servers: http://127.0.0.1:9 } } }
";

static FORMS: LazyLock<Policy> = LazyLock::new(|| {
    let sources = MemorySources::new().file("p.yaml", POLICY);
    portcullis_policy::load("p.yaml", &sources).policy.unwrap()
});

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    for list in &FORMS.lists {
        match Entries::read(list, input) {
            Ok(entries) => assert!(entries.len() <= 20, "{}: {}", list.name, entries.len()),
            Err(mistakes) => {
                // One more where there are too many entries besides.
                assert!((1..=102).contains(&mistakes.len()), "{}: {}", list.name, mistakes.len());
                let lines = input.split(|byte| *byte == b'\n').count();
                for mistake in mistakes {
                    assert!(mistake.line.is_none_or(|line| (1..=lines).contains(&line)), "{mistake:?}");
                    assert!(!mistake.why.contains(char::is_control), "{mistake:?}");
                }
            }
        }
    }
}
