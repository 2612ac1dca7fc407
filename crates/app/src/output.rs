//! Printing: tables and sentences for people, JSON for programs.
//!
//! Invariants: a closed standard output (a pager that was left, `head`) ends the printing quietly; colour only on a
//! terminal.

use std::io::{IsTerminal, Write};

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{Cell, ContentArrangement, Table};
use serde::Serialize;

/// Whom a command prints for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Tables and sentences.
    People,
    /// JSON.
    Programs,
}

impl Audience {
    /// From the `--json` option.
    pub(crate) fn chosen(json: bool) -> Self {
        if json { Self::Programs } else { Self::People }
    }
}

/// Prints text; `false` if nobody reads any more.
pub(crate) fn print(text: &str) -> bool {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Prints a line; `false` if nobody reads any more.
pub(crate) fn line(text: &str) -> bool {
    print(&format!("{text}\n"))
}

/// Says something to the person on standard error.
pub(crate) fn say(text: &str) {
    // Nobody listening is no reason to fail.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Prints one JSON document on a line of its own; `false` if nobody reads any more.
pub(crate) fn json(value: &impl Serialize) -> bool {
    serde_json::to_string(value).is_ok_and(|text| line(&text))
}

/// Prints one JSON document over several lines.
pub(crate) fn pretty_json(value: &impl Serialize) -> bool {
    serde_json::to_string_pretty(value).is_ok_and(|text| line(&text))
}

/// Whether standard output is a terminal.
pub(crate) fn on_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// A table with these column heads; numbers columns are set right by [`right`].
pub(crate) fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if !on_terminal() {
        table.set_width(160);
    }
    table.set_header(heads.iter().map(|head| Cell::new(head).add_attribute(comfy_table::Attribute::Bold)));
    table
}

/// A cell set to the right.
pub(crate) fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(comfy_table::CellAlignment::Right)
}

/// Control characters of hostile text made visible, so that no event can play with a terminal.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { char::REPLACEMENT_CHARACTER } else { one }).collect()
}

/// The same for text of several lines.
pub(crate) fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\r\n"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
    }
}
