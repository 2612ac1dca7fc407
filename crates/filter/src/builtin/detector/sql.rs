//! SQL injection, by reading a value as what follows a string, a number or a name in somebody's query.
//!
//! A quote that an application's own quote would pair with (every other one of its sort) starts a reading behind it; the
//! value as a whole is read as standing where a number or a name stood. What is then seen must make sense there.

mod grammar;
mod token;
mod vocabulary;

use crate::builtin::detector::words::{at, find, part, skip, starts_with};
use crate::builtin::detector::{QUOTES, View};
use crate::builtin::marks::Marks;
use crate::builtin::scope::Kind;
use crate::builtin::signal::{Hit, Hits, Signal, note};

use grammar::{Behind, Reader};

/// Text longer than this before a quote is prose, whose apostrophes say nothing.
const LONGEST_VALUE: usize = 80;
/// The most quotes of one sort that are tried.
const MOST_BREAKS: usize = 16;
/// Tokens read behind one.
const BREAK: usize = 200;

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    let closes = QUOTES.or(Marks::SEMICOLON);
    if view.site.kind == Kind::File && !view.marks.any(closes) {
        return;
    }
    if is_plain(view) {
        return;
    }
    let from = hits.len();
    whole(text, hits);
    // `&` and `=` of a query read as operators; what they could make up does not count.
    let address = view.site.kind == Kind::Referer && starts_with(text, "http");
    if view.site.kind == Kind::WholeQuery || address {
        return keep_sound(hits, from);
    }
    for (mark, quote) in [(Marks::SINGLE, b'\''), (Marks::DOUBLE, b'"'), (Marks::BACKTICK, b'`')] {
        if view.marks.has(mark) {
            breaks(text, quote, hits);
        }
    }
    // Left-out quotes make pairs of those that stay.
    if view.is_joined() {
        keep_sound(hits, from);
    }
}

/// Whether a value is words alone: without signs a query needs a number to begin with, or its own verbs.
fn is_plain(view: &View<'_>) -> bool {
    const SIGNS: Marks = QUOTES
        .or(Marks::OPEN)
        .or(Marks::CLOSE)
        .or(Marks::SEMICOLON)
        .or(Marks::EQUAL)
        .or(Marks::LESS)
        .or(Marks::GREATER)
        .or(Marks::STAR)
        .or(Marks::PIPE)
        .or(Marks::AMPERSAND)
        .or(Marks::HASH)
        .or(Marks::AT);
    let text = view.bytes;
    let first = at(text, skip(text, 0, |byte| byte <= b' '));
    let begins = first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'/' | b'.' | b'n' | b'N');
    !view.marks.any(SIGNS) && !begins && find(text, "union").is_none() && find(text, "select").is_none()
}

/// Tokens read at a time; a window begins with the last few of the one before.
const WINDOW: usize = 400;
const OVERLAP: usize = 16;

/// Reads the value as it stands, window by window, so that padding hides nothing and memory stays bounded.
fn whole(text: &[u8], hits: &mut Hits) {
    let mut behind = Behind::Start;
    let mut from = 0;
    loop {
        let tokens = token::tokens(text, from, WINDOW);
        Reader::new(&tokens, behind).read(hits);
        let next = tokens.get(WINDOW - OVERLAP).filter(|_| tokens.len() == WINDOW);
        let Some(next) = next else { return };
        (from, behind) = (next.start, Behind::Middle);
    }
}

/// Keeps, of what was seen since, only what prose and addresses do not make up by chance.
fn keep_sound(hits: &mut Hits, from: usize) {
    let sound = |hit: &Hit| matches!(hit.signal, Signal::SqlUnion | Signal::SqlFunction | Signal::SqlStacked);
    let kept: Hits = hits.drain(from..).filter(sound).collect();
    hits.extend(kept);
}

/// Reads behind every quote that could close an application's string.
fn breaks(text: &[u8], quote: u8, hits: &mut Hits) {
    let mut tried = 0;
    for start in memchr::memchr_iter(quote, text).step_by(2) {
        let next = skip(text, start + 1, |byte| {
            byte.is_ascii_whitespace() || matches!(byte, b')' | b'%' | b'+' | 0x0b)
        });
        // Behind a closing quote stands an operator, a keyword, or the end; a word that runs on is an apostrophe.
        let rest = part(text, next..text.len());
        let word = at(text, next).is_ascii_alphabetic();
        let glued =
            next == start + 1 && start > 0 && (at(text, next).is_ascii_digit() || at(text, next) >= 0x80);
        if glued || word && !grammar::begins_clause(rest) {
            continue;
        }
        tried += 1;
        if tried > MOST_BREAKS {
            return;
        }
        let tokens = token::tokens(text, start + 1, BREAK);
        let from = hits.len();
        Reader::new(&tokens, Behind::Quote { value_before: start > 0 }).read(hits);
        if comment_ends(text, start + 1) {
            note(hits, Signal::SqlComment, start..text.len());
        }
        if start > LONGEST_VALUE {
            keep_sound(hits, from);
        }
    }
}

/// Whether what stands behind a quote only closes and comments the rest away: `')--`, `'; #`, `' /*`.
fn comment_ends(text: &[u8], from: usize) -> bool {
    const LONGEST_REST: usize = 6;
    let next = skip(text, from, |byte| byte.is_ascii_whitespace() || matches!(byte, b')' | b';' | b'+'));
    let length = match (at(text, next), at(text, next + 1)) {
        (b'-', b'-') | (b'/', b'*') => 2,
        (b'#', _) => 1,
        _ => return false,
    };
    text.len() - next - length <= LONGEST_REST
}
