//! `docs/detections.md` says what the built-in pack holds, neither more nor less.
//!
//! `PORTCULLIS_WRITE_DOCS=1 cargo test -p portcullis-filter --test detections` writes it anew.
#![allow(clippy::disallowed_methods, reason = "a test reads and writes a document of the repository")]

use std::fmt::Write as _;
use std::path::Path;

use portcullis_filter::builtin::{BuiltinRule, Class, Pack};

/// What stands behind this heading was measured, and is written by hand.
const MEASURED: &str = "\n# How much they catch";

#[test]
fn the_document_describes_every_rule() {
    let rules = Pack::catalogue().unwrap();
    let text = rendered(&rules);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/detections.md");
    if std::env::var_os("PORTCULLIS_WRITE_DOCS").is_some() {
        let measured = std::fs::read_to_string(&file).unwrap_or_default();
        let measured = measured.find(MEASURED).map_or("", |at| &measured[at..]).to_owned();
        std::fs::write(&file, format!("{text}{measured}")).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let described = written.find(MEASURED).map_or(&*written, |at| &written[..at]);
    assert!(
        described == text,
        "docs/detections.md is behind the pack; write it with PORTCULLIS_WRITE_DOCS=1"
    );
}

fn rendered(rules: &[std::sync::Arc<BuiltinRule>]) -> String {
    let mut out = String::from(
        "# What the built-in rules detect\n\n\
         This page is written from the pack (`crates/filter/builtin/`), and a test holds the two together. Each rule has a\n\
         level: a policy's `filter: { level }` asks every rule up to it. Level 1 practically never hits honest traffic,\n\
         level 2 rarely does, 3 and 4 want exclusions. A finding adds its score to the exchange; a rule's id is what\n\
         exclusions and `portcullis filter explain` name.\n",
    );
    for class in Class::ALL {
        let of_class: Vec<_> = rules.iter().filter(|rule| rule.class == class).collect();
        let _ = write!(
            out,
            "\n## `{class}`\n\n| rule | level | score | sees | what to change |\n|---|---|---|---|---|\n"
        );
        assert!(!of_class.is_empty(), "no rule is of class {class}");
        for rule in of_class {
            let cell = |text: &str| text.replace('|', "\\|");
            let (level, score) = (rule.level.get(), rule.score);
            let _ = writeln!(
                out,
                "| `{}` | {level} | {score} | {} | {} |",
                rule.id,
                cell(&rule.description),
                cell(&rule.fix)
            );
        }
    }
    out
}
