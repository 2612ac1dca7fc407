//! Script without markup: calls that show, send or evaluate, the document's secrets, and functions reached obliquely.

use crate::builtin::detector::View;
use crate::builtin::detector::words::{at, find, is_one_of, is_word, part, skip, skip_space, starts_with};
use crate::builtin::marks::Marks;
use crate::builtin::signal::{Hits, Signal, note};

/// Functions that attackers call to show that they can call any.
const CALLED: &[&str] = &["alert", "prompt", "confirm", "eval", "execscript"];
const GLOBALS: &[&str] =
    &["window", "self", "top", "parent", "this", "frames", "globalthis", "document", "opener", "content"];

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    let mut index = 0;
    while index < text.len() {
        if !is_word(at(text, index)) {
            index += 1;
            continue;
        }
        let end = skip(text, index, is_word);
        word(text, index, end, hits);
        index = end;
    }
    if view.marks.any(Marks::BRACKET.or(Marks::CLOSE)) {
        symbols(text, hits);
        called_strings(text, hits);
    }
}

fn word(text: &[u8], start: usize, end: usize, hits: &mut Hits) {
    let name = part(text, start..end);
    if CALLED.iter().any(|called| called.as_bytes() == name) && is_called(text, start, end) {
        note(hits, Signal::ScriptCall, start..text.len().min(end + 20));
    }
    if (3..=10).contains(&name.len()) && is_one_of(name, GLOBALS) {
        global(text, name, start, end, hits);
    }
    let oblique = match name.len() {
        11 => {
            is_one_of(name, &["constructor"])
                && matches!(at(text, end), b'.' | b'(' | b'[' | b'"' | b'\'')
                && constructor(text, start, end)
        }
        12 => is_one_of(name, &["fromcharcode"]),
        13 => is_one_of(name, &["fromcodepoint"]),
        8 => name == b"Function" && at(text, end) == b'(' && matches!(at(text, end + 1), b'"' | b'\'' | b'`'),
        10 => {
            is_one_of(name, &["settimeout"])
                && at(text, end) == b'('
                && matches!(at(text, end + 1), b'"' | b'\'' | b'`')
        }
        14 => {
            is_one_of(name, &["xmlhttprequest"])
                && start >= 4
                && starts_with(part(text, start - 4..start), "new ")
        }
        4 => is_one_of(name, &["atob"]) && at(text, end) == b'(',
        _ => false,
    };
    if oblique {
        note(hits, Signal::ScriptOblique, start..text.len().min(end + 20));
    }
}

/// Whether a function's name is called: `f(…)`, `` f`…` ``, `(f)(…)`, `f.call(…)`, `.map(f)`, `f?.(…)`.
fn is_called(text: &[u8], start: usize, end: usize) -> bool {
    let behind = skip_space(text, end);
    let spaced = behind > end;
    match at(text, behind) {
        b'(' if !spaced => true,
        // In prose a parenthesis behind a word holds words; a call holds constants or nothing.
        b'(' => holds_constant(text, behind + 1),
        b'`' => !spaced || at(text, behind + 1) != b' ',
        b'.' => ["call", "apply", "bind", "valueof", "tostring"]
            .iter()
            .any(|how| starts_with(part(text, behind + 1..text.len()), how)),
        b'?' => at(text, behind + 1) == b'.' && matches!(at(text, behind + 2), b'(' | b'['),
        b'/' if at(text, behind + 1) == b'*' => true,
        b'\\' => matches!(at(text, behind + 1), b'%' | b'x' | b'u' | b'('),
        b')' => enclosed(text, start, behind),
        b']' => at(text, skip_space(text, behind + 1)) == b'(',
        b'"' | b'\'' => matches!(at(text, behind + 1), b']' | b'('),
        b'%' | b'&' | 0x80.. => false,
        _ => {
            at(text, start.wrapping_sub(1)) == b'='
                && handler_before(text, start)
                && matches!(at(text, behind), b';' | 0 | b'}')
        }
    }
}

/// `(alert)(1)`, `` (alert)`1` ``, `.map(alert)`, `with(0,alert)`.
fn enclosed(text: &[u8], start: usize, close: usize) -> bool {
    let behind = skip_space(text, close + 1);
    if matches!(at(text, behind), b'(' | b'`' | b'?' | b')' | b']') && at(text, behind) != b'?' {
        return true;
    }
    if at(text, behind) == b'?' && at(text, behind + 1) == b'.'
        || at(text, behind) == b'.' && at(text, behind + 1) != b' '
    {
        return true;
    }
    let open = start.checked_sub(1).map_or(0, |before| at(text, before));
    if open == b',' {
        return true;
    }
    // A method given the function: `[1].map(alert)`; in prose a space stands before the parenthesis.
    let method =
        part(text, 0..start - usize::from(start > 0)).iter().rev().take_while(|byte| is_word(**byte)).count();
    let dot = (start - usize::from(start > 0)).checked_sub(method + 1).map(|before| at(text, before));
    open == b'(' && method >= 2 && dot == Some(b'.') && at(text, start.saturating_sub(2)) != b'_'
}

/// Whether a parenthesis holds one constant, and no sentence goes on behind it.
fn holds_constant(text: &[u8], from: usize) -> bool {
    let first = skip_space(text, from);
    match at(text, first) {
        b'"' | b'\'' | b'`' => true,
        b'0'..=b'9' | b')' => {
            let close = skip(text, first, |byte| byte.is_ascii_digit());
            at(text, close) == b')'
                && matches!(
                    at(text, close + 1),
                    0 | b';' | b'/' | b'<' | b'-' | b'+' | b'"' | b'\'' | b'`' | b')' | b'}'
                )
        }
        _ => false,
    }
}

/// `onerror=alert;throw 1`.
fn handler_before(text: &[u8], start: usize) -> bool {
    let before = part(text, start.saturating_sub(12)..start);
    find(before, "on").is_some()
}

/// `window`, `document`, … and what is reached through it.
fn global(text: &[u8], name: &[u8], start: usize, end: usize, hits: &mut Hits) {
    const READ: &[&str] = &[
        "cookie",
        "domain",
        "write",
        "writeln",
        "location",
        "baseuri",
        "defaultview",
        "url",
        "documenturi",
        "body",
    ];
    let behind = skip(text, end, |byte| matches!(byte, b'?' | b'.'));
    let dots = part(text, end..behind);
    let range = start..text.len().min(end + 20);
    if at(text, behind) == b'[' && (dots.is_empty() || dots == b"?.") {
        let inner = skip_space(text, behind + 1);
        let computed = matches!(at(text, inner), b'"' | b'\'' | b'`' | b'/' | b'(' | b'+' | b'!' | b'[') || {
            let digits = skip(text, inner, |byte| byte.is_ascii_digit());
            digits > inner && at(text, digits) == b'.'
        };
        if computed && !is_one_of(name, &["content"]) {
            note(hits, Signal::ScriptOblique, range);
        }
        return;
    }
    if dots == b"." || dots == b"?." {
        let member_ends = skip(text, behind, is_word);
        let member = part(text, behind..member_ends);
        let telling = is_one_of(name, &["document"]) && is_one_of(member, READ.get(..8).unwrap_or_default())
            || is_one_of(member, &["location", "cookie", "eval", "alert", "onerror"])
                && !is_one_of(name, &["content", "this", "self"]);
        if telling {
            note(hits, Signal::ScriptAccess, range);
        }
    }
}

/// `constructor.constructor(…)`, `["constructor"]`, `.constructor(`.
fn constructor(text: &[u8], start: usize, end: usize) -> bool {
    let quoted = matches!(at(text, end), b'"' | b'\'') && at(text, end + 1) == b']';
    let twice = find(part(text, end..text.len().min(end + 40)), "constructor").is_some();
    let called = matches!(at(text, end), b'(') && start > 0 && at(text, start - 1) == b'.';
    quoted || twice || called && matches!(at(text, end + 1), b'"' | b'\'' | b'`')
}

/// Script written in brackets, signs and single letters: `[][(![]+[])[+[]]]`, `([,O,B]=[]+{},[T,R])`.
fn symbols(text: &[u8], hits: &mut Hits) {
    let (mut start, mut word, mut brackets, mut joins) = (0, 0, 0, 0);
    for (index, byte) in text.iter().enumerate() {
        word = if is_word(*byte) { word + 1 } else { 0 };
        brackets += usize::from(matches!(byte, b'[' | b']'));
        joins += usize::from(matches!(byte, b'+' | b'!'));
        // A word is something to read, and ends the run.
        if word > 2 || matches!(byte, b'"' | b'\'' | b':' | 0x80..) {
            (start, brackets, joins) = (index, 0, 0);
        }
        if brackets >= 6 && joins >= 3 {
            return note(hits, Signal::ScriptOblique, start..index + 1);
        }
    }
}

/// A string or an element that is called: `('alert')()`, `['alert'](1)`, `]()`, `` ]`1` ``.
fn called_strings(text: &[u8], hits: &mut Hits) {
    for close in memchr::memchr2_iter(b')', b']', text).skip_while(|close| *close == 0).take(64) {
        let before = at(text, close - 1);
        let behind = at(text, close + 1);
        let string = matches!(before, b'"' | b'\'' | b'`');
        let called = behind == b'(' || behind == b'`' || behind == b'?' && at(text, close + 2) == b'.';
        let element = at(text, close) == b']' && matches!(before, b')' | b'/') && behind == b'(';
        if string && called || element {
            note(hits, Signal::ScriptOblique, close.saturating_sub(20)..text.len().min(close + 2));
            return;
        }
    }
}
