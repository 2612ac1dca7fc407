//! GraphQL documents: the schema asked for, selections too deep, the same field asked for too often.

use crate::builtin::detector::View;
use crate::builtin::detector::words::{at, find, is_word, part, skip, skip_space, starts_with};
use crate::builtin::signal::{Hits, Signal, note};

/// Selections nested deeper than this serve nobody.
const DEEPEST: usize = 12;
/// More aliases than this in one document are a batch.
const MOST_ALIASES: usize = 30;

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    if !is_document(text) {
        return;
    }
    for name in ["__schema", "__type", "__Type", "__InputValue", "__directive"] {
        if let Some(start) = find(text, name) {
            let end = start + name.len();
            if !is_word(at(text, end)) && matches!(at(text, skip_space(text, end)), b'{' | b'(' | b'}') {
                note(hits, Signal::GraphqlIntrospection, start..end);
            }
        }
    }
    let (depth, aliases) = measure(text);
    if depth > DEEPEST {
        note(hits, Signal::GraphqlDepth, 0..text.len().min(80));
    }
    if aliases > MOST_ALIASES {
        note(hits, Signal::GraphqlAliases, 0..text.len().min(80));
    }
}

/// Whether a value reads as a GraphQL document or a selection.
fn is_document(text: &[u8]) -> bool {
    let start = skip_space(text, 0);
    let rest = part(text, start..text.len());
    let keyword = ["query", "mutation", "subscription", "fragment"].iter().any(|word| {
        starts_with(rest, word) && matches!(at(rest, word.len()), b' ' | b'{' | b'(' | b'\n' | b'\r' | b'\t')
    });
    let name = skip(rest, 0, |byte| is_word(byte) || byte.is_ascii_whitespace());
    let selection =
        at(rest, 0) == b'{' && !matches!(at(rest, skip_space(rest, 1)), b'"' | b'}' | b'\'' | b'{');
    keyword || selection || starts_with(rest, "__") && at(rest, name) == b'{'
}

/// How deep selections nest, and how many aliases there are outside of arguments.
fn measure(text: &[u8]) -> (usize, usize) {
    let (mut depth, mut deepest, mut parens, mut aliases) = (0_usize, 0, 0_usize, 0);
    let mut index = 0;
    while index < text.len() {
        match at(text, index) {
            b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' => depth = depth.saturating_sub(1),
            b'(' => parens += 1,
            b')' => parens = parens.saturating_sub(1),
            b':' if parens == 0 => aliases += 1,
            b'"' => index = skip(text, index + 1, |byte| byte != b'"'),
            _ => {}
        }
        index += 1;
    }
    (deepest, aliases)
}
