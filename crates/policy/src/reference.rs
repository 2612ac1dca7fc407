//! The policy reference in Markdown, from the table of keys.

use std::fmt::Write;

use crate::policy::Policy;
use crate::schema::slug;
use crate::table::{Absent, Key, Kind, Scalar, Section, paragraph};

/// Every section, key, value and default, as a page.
pub fn reference() -> String {
    let (mut sections, mut scalars) = (vec![&Policy::SECTION], Vec::new());
    let mut at = 0;
    while let Some(section) = sections.get(at).copied() {
        if let Some(shared) =
            section.inherits.filter(|shared| sections.iter().all(|known| known.name != shared.name))
        {
            sections.push(shared);
        }
        section.all_keys().for_each(|key| gather(&key.kind, &mut sections, &mut scalars));
        at += 1;
    }
    let mut out = String::from(INTRODUCTION);
    for section in &sections {
        write_section(section, &mut out);
    }
    write_values(&scalars, &mut out);
    out
}

const INTRODUCTION: &str = "# Policy reference

Every key of the policy, generated from the program itself. A policy is one YAML (or JSON) file, or a folder whose
files are put together. `portcullis check` explains every mistake in it; `portcullis explain SITE` shows what holds on
a site and where each value comes from. Paths are relative to the file that names them. What conditions can ask for is
in the expression reference.
";

fn gather(kind: &'static Kind, sections: &mut Vec<&'static Section>, scalars: &mut Vec<&'static Scalar>) {
    match kind {
        Kind::Scalar(scalar) => {
            if !scalars.iter().any(|known| known.name == scalar.name) {
                scalars.push(scalar);
            }
        }
        Kind::Words(_) => {}
        Kind::List(kind) | Kind::OneOrMany(kind) | Kind::Optional(kind) => gather(kind, sections, scalars),
        Kind::Named(named) => gather(&named.kind, sections, scalars),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| gather(kind, sections, scalars)),
        Kind::Section(section) => {
            if !sections.iter().any(|known| known.name == section.name) {
                sections.push(section);
            }
        }
    }
}

fn write_section(section: &Section, out: &mut String) {
    let _ = write!(out, "\n## {}\n\n{}\n\n", section.name, paragraph(section.about));
    out.push_str("| key | value | default | |\n|---|---|---|---|\n");
    for key in section.keys {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            key.name,
            cell(&value(&key.kind)),
            cell(&default(key)),
            cell(&paragraph(key.about))
        );
    }
    if let Some(shared) = section.inherits {
        let _ = write!(out, "\nAnd every key of a [{}](#{}).\n", shared.name, slug(shared.name));
    }
    for key in section.keys {
        for word in words(&key.kind) {
            let _ = write!(out, "\n- `{}: {}`: {}", key.name, word.word, paragraph(word.about));
        }
    }
    if section.keys.iter().any(|key| !words(&key.kind).is_empty()) {
        out.push('\n');
    }
}

fn words(kind: &Kind) -> &'static [crate::table::Word] {
    match kind {
        Kind::Words(words) => words,
        Kind::Optional(kind) | Kind::List(kind) | Kind::OneOrMany(kind) => words(kind),
        Kind::Either(kinds) => kinds.iter().map(words).find(|words| !words.is_empty()).unwrap_or_default(),
        _ => &[],
    }
}

fn value(kind: &Kind) -> String {
    match kind {
        Kind::Scalar(scalar) => format!("[{}](#values)", scalar.name),
        Kind::Words(words) => {
            words.iter().map(|word| format!("`{}`", word.word)).collect::<Vec<_>>().join(", ")
        }
        Kind::List(kind) => format!("list: {}", value(kind)),
        Kind::OneOrMany(kind) => format!("one or a list: {}", value(kind)),
        Kind::Named(named) => format!("by {}: {}", named.what, value(&named.kind)),
        Kind::Section(section) => format!("[{}](#{})", section.name, slug(section.name)),
        Kind::Either(kinds) => kinds.iter().map(value).collect::<Vec<_>>().join(", or "),
        Kind::Optional(kind) => value(kind),
    }
}

fn default(key: &Key) -> String {
    match key.absent {
        Absent::Mistake => "required".to_owned(),
        Absent::Nothing => "–".to_owned(),
        Absent::Value("{}") if matches!(key.kind, Kind::Optional(_)) => "as below; `off` for none".to_owned(),
        Absent::Value("{}") if matches!(key.kind, Kind::Section(_)) => "as below".to_owned(),
        Absent::Value("[]" | "{}") => "none".to_owned(),
        Absent::Value(text) => format!("`{}`", text.trim_matches('\'')),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn write_values(scalars: &[&Scalar], out: &mut String) {
    out.push_str("\n## Values\n\n| value | |\n|---|---|\n");
    for scalar in scalars {
        let _ = writeln!(out, "| {} | {} |", scalar.name, cell(scalar.about));
    }
}
