//! Filters of directories, paths of XML and operators of document databases.

use crate::builtin::detector::View;
use crate::builtin::detector::words::{at, find, is_one_of, is_word, part, skip, skip_space, starts_with};
use crate::builtin::marks::Marks;
use crate::builtin::signal::{Hits, Signal, note};

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let marks = view.marks;
    if marks.any(Marks::OPEN.or(Marks::CLOSE)) {
        filter(view.bytes, hits);
    }
    if marks.has(Marks::DOLLAR) {
        operator(view.bytes, hits);
    }
    if marks.has(Marks::LETTER) && marks.any(Marks::SLASH.or(Marks::OPEN).or(Marks::COLON)) {
        xpath(view, hits);
    }
    if marks.any(Marks::SINGLE.or(Marks::DOUBLE).or(Marks::SEMICOLON).or(Marks::PIPE).or(Marks::OPEN)) {
        script(view.bytes, hits);
    }
}

/// A filter that closes what it was put into and begins another (RFC 4515): `*)(uid=*`, `)(|(cn=`, `*))%00`.
fn filter(text: &[u8], hits: &mut Hits) {
    for paren in memchr::memchr2_iter(b'(', b')', text).take(64) {
        let behind = skip_space(text, paren + 1);
        let range = paren..text.len().min(behind + 12);
        let seen =
            if at(text, paren) == b'(' { opens(text, paren, behind) } else { closes(text, paren, behind) };
        if seen {
            return note(hits, Signal::LdapFilter, range);
        }
    }
}

/// `(|(`, `(&(`, `(!(` or `(attribute=` behind an asterisk, a closing parenthesis or nothing.
fn opens(text: &[u8], paren: usize, behind: usize) -> bool {
    let sign = matches!(at(text, behind), b'|' | b'&' | b'!');
    let nested = sign
        && matches!(at(text, skip_space(text, behind + 1)), b'(')
        && assignment(text, skip_space(text, behind + 1) + 1);
    let before = paren.checked_sub(1).map_or(b'(', |before| at(text, before));
    let glued = matches!(before, b'*' | b')' | b'(');
    let signed = sign
        && glued
        && (assignment(text, behind + 1) || behind + 1 >= text.len() || at(text, behind + 1) == b'\'');
    nested || signed || glued && before != b'(' && assignment(text, behind)
}

/// `*)`, then `)` or `(` and nothing that prose would hold; a closed filter cut off by a zero byte.
fn closes(text: &[u8], paren: usize, behind: usize) -> bool {
    let before = paren.checked_sub(1).map_or(0, |before| at(text, before));
    let again = at(text, behind);
    let star = before == b'*' && matches!(again, b')' | b'(' | b'|' | b'&' | 0) && (paren <= 2 || again != 0);
    let empty = part(text, 0..paren) == b"*(" && matches!(again, b'|' | b'&');
    let cut = again == b')' && matches!(at(text, behind + 1), 0 | b'%') && before == b'*'
        || before == b'=' && again == b')';
    star && paren < 40 && starts_as_value(text, paren) || empty || cut
}

/// Whether only a name and an asterisk stand before a closing parenthesis that nothing opened.
fn starts_as_value(text: &[u8], paren: usize) -> bool {
    part(text, 0..paren)
        .iter()
        .all(|byte| is_word(*byte) || matches!(byte, b'*' | b'-' | b'.' | b'@' | b'=' | b')'))
}

/// `name=`, `name>=`, `name~=` as in a filter.
fn assignment(text: &[u8], from: usize) -> bool {
    let from = skip(text, from, |byte| matches!(byte, b'|' | b'&' | b'!' | b'('));
    let end = skip(text, from, |byte| is_word(byte) || matches!(byte, b'-' | b';'));
    let sign = skip(text, end, |byte| matches!(byte, b'<' | b'>' | b'~' | b':'));
    let value = at(text, sign + 1);
    end > from && at(text, sign) == b'=' && value != b'=' && value != b'>' && value != b' '
}

const OPERATORS: &[&str] = &[
    "$ne",
    "$eq",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$or",
    "$and",
    "$not",
    "$nor",
    "$exists",
    "$regex",
    "$where",
    "$expr",
    "$jsonschema",
    "$mod",
    "$text",
    "$all",
    "$elemmatch",
    "$size",
    "$type",
    "$options",
    "$function",
    "$accumulator",
    "$comment",
    "$lookup",
    "$set",
    "$unset",
    "$inc",
    "$push",
    "$pull",
    "$rename",
    "$slice",
    "$near",
    "$geowithin",
    "$func",
];

/// An operator as a key: `$ne`, `login[$gt]`, `, $or: [`.
fn operator(text: &[u8], hits: &mut Hits) {
    for start in memchr::memchr_iter(b'$', text).take(16) {
        let end = skip(text, start + 1, is_word);
        if !is_one_of(part(text, start..end), OPERATORS) {
            continue;
        }
        let before = part(text, 0..start).iter().rev().find(|byte| !byte.is_ascii_whitespace()).copied();
        let bracketed = before == Some(b'[') && at(text, end) == b']';
        let quoted = matches!(before, Some(b'"' | b'\''))
            && matches!(at(text, end), b'"' | b'\'')
            && at(text, skip_space(text, end + 1)) == b':';
        let key = matches!(before, Some(b'{' | b',')) && at(text, skip_space(text, end)) == b':';
        let whole = start == 0 && end == text.len() && part(text, start..end) != b"$type";
        if bracketed || quoted || key || whole {
            return note(hits, Signal::NosqlOperator, start..end);
        }
    }
}

/// Script for a document database: `this.password`, `db.x.find(`, `'; return true`, `|| 1==1`.
fn script(text: &[u8], hits: &mut Hits) {
    let first = skip(text, 0, |byte| byte.is_ascii_whitespace() || byte.is_ascii_digit());
    let quoted = matches!(at(text, first), b'\'' | b'"');
    let inner = skip(text, first, |byte| {
        byte.is_ascii_whitespace() || matches!(byte, b'\'' | b'"' | b')' | b'}' | b']')
    });
    let rest = part(text, inner..text.len());
    let statement = rest.first() == Some(&b';') && {
        let verb = part(rest, skip_space(rest, 1)..rest.len());
        let jumps = starts_with(verb, "return")
            && (quoted || starts_with(verb, "return true") || starts_with(verb, "return 1"));
        jumps
            || quoted
                && (starts_with(verb, "while(")
                    || starts_with(verb, "for(")
                    || starts_with(verb, "var ")
                    || starts_with(verb, "sleep(")
                    || find(verb, "new date(").is_some())
    };
    let logic = matches!(rest.get(..2), Some(b"||" | b"&&")) && {
        let operand = part(rest, skip_space(rest, 2)..rest.len());
        let compares = memchr::memmem::find(operand, b"==").is_some();
        starts_with(operand, "this.") || starts_with(operand, "this[") || compares && operand.len() < 40
    };
    let collection = starts_with(rest, "db.")
        && ["find(", "insert(", "remove(", "update(", "drop(", "findone(", "aggregate(", "deletemany("]
            .iter()
            .any(|call| find(rest, call).is_some());
    let this = quoted && find(rest, "this.").is_some_and(|at_byte| at_byte < 8);
    if statement || logic || collection || this {
        note(hits, Signal::NosqlScript, first..text.len().min(inner + 20));
    }
}

/// Axes, steps and functions of `XPath`.
pub(super) const SIGNS: &[&str] = &[
    "ancestor::",
    "ancestor-or-self::",
    "attribute::",
    "child::",
    "descendant::",
    "descendant-or-self::",
    "following::",
    "following-sibling::",
    "parent::",
    "preceding::",
    "preceding-sibling::",
    "self::node(",
    "string-length(name(",
    "substring(name(",
    "name(/",
    "name(parent",
    "count(/",
    "count(//",
    "position()=",
    "text()=",
    "last()-1",
    "local-name(",
    "namespace-uri(",
    "/text()",
    "//*[",
    "]|//",
    "] | //",
    "node()|",
    "doc(\"http",
    "doc('http",
    "/*[1]",
    "comment()",
    "processing-instruction(",
];

/// `XPath` where a value should be.
fn xpath(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    if let Some(found) = view.tools.xpath.find(text) {
        return note(hits, Signal::XpathQuery, found.range());
    }
    let quoted = memchr::memchr2(b'\'', b'"', text).is_some_and(|quote| quote < 12);
    if quoted
        && ["name()=", "position()", "username/text", "or name("]
            .iter()
            .any(|sign| find(text, sign).is_some())
    {
        note(hits, Signal::XpathQuery, 0..text.len());
    }
}
