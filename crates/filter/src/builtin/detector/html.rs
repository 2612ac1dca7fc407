//! Markup that runs: a value is cut into elements and attributes as browsers cut them, also starting within an attribute.
//!
//! Does not build a tree: what runs, runs wherever it stands.

mod attribute;

use std::ops::Range;

use crate::builtin::detector::View;
use crate::builtin::detector::words::{at, is_one_of, part, skip, skip_space, starts_with};
use crate::builtin::marks::Marks;
use crate::builtin::signal::{Hits, Signal, note};

use attribute::{Attribute, attributes};

/// The most elements read in one value.
const MOST_ELEMENTS: usize = 100;

pub(super) fn detect(view: &View<'_>, hits: &mut Hits) {
    let text = view.bytes;
    if view.marks.has(Marks::LESS) {
        for start in memchr::memchr_iter(b'<', text).take(MOST_ELEMENTS) {
            element(text, start, hits);
        }
        unopened(text, hits);
    }
    if view.marks.any(Marks::EQUAL) {
        bare_handlers(text, hits);
    }
    if view.marks.any(Marks::GREATER) && view.marks.any(Marks::SINGLE.or(Marks::DOUBLE).or(Marks::BACKTICK)) {
        breaks(text, hits);
    }
}

/// One element: its name, then its attributes.
fn element(text: &[u8], start: usize, hits: &mut Hits) {
    let spaced = skip_space(text, start + 1);
    let name_starts = skip(text, spaced, |byte| byte == b'/');
    let name_ends =
        skip(text, name_starts, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-'));
    let name = part(text, name_starts..name_ends);
    let name = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
    let closing = name_starts > spaced;
    if is_one_of(name, &["script"])
        && !closing
        && !matches!(at(text, name_ends), b'=' | b',' | b'_' | b'.' | b'(')
    {
        note(hits, Signal::HtmlScript, start..name_ends);
    }
    if text.get(start + 1..).is_some_and(|rest| rest.starts_with(b"!--")) {
        return include(text, start, hits);
    }
    // Browsers read no element where a space follows the bracket; `a < b` stays text.
    if spaced != start + 1 || !at(text, name_starts).is_ascii_alphabetic() {
        return;
    }
    if is_one_of(name, &["style"])
        && !closing
        && loads_style(part(text, name_ends..text.len().min(name_ends + 400)))
    {
        note(hits, Signal::HtmlStyle, start..name_ends);
    }
    let attributes = attributes(text, name_ends);
    active(text, name, start..name_ends, &attributes, hits);
    for attribute in &attributes {
        judge(text, attribute, hits);
    }
}

/// `<!--#exec …`: a directive to the server.
fn include(text: &[u8], start: usize, hits: &mut Hits) {
    const DIRECTIVES: &[&str] =
        &["exec", "include", "echo", "config", "printenv", "fsize", "flastmod", "set", "if"];
    let name = skip_space(text, start + 4);
    if at(text, name) == b'#' {
        let end = skip(text, name + 1, |byte| byte.is_ascii_alphabetic());
        if is_one_of(part(text, name + 1..end), DIRECTIVES) {
            note(hits, Signal::HtmlInclude, start..end);
        }
    }
}

/// Elements that load or run something by being there.
fn active(text: &[u8], name: &[u8], range: Range<usize>, attributes: &[Attribute], hits: &mut Hits) {
    const ALWAYS: &[&str] = &[
        "iframe",
        "object",
        "embed",
        "applet",
        "frame",
        "frameset",
        "isindex",
        "bgsound",
        "layer",
        "ilayer",
        "portal",
        "fencedframe",
        "animate",
        "animatemotion",
        "animatetransform",
        "set",
        "foreignobject",
        "base",
        "svg",
        "math",
        "xml",
        "xss",
        "import",
        "handler",
    ];
    let any =
        |names: &[&str]| attributes.iter().any(|found| is_one_of(part(text, found.name.clone()), names));
    let counts = is_one_of(name, ALWAYS)
        || is_one_of(name, &["meta"]) && any(&["http-equiv"])
        || is_one_of(name, &["link"]) && any(&["href", "rel"])
        || any(&["srcdoc", "datasrc", "autofocus"]) && !is_one_of(name, &["input", "textarea"]);
    // In code `Foo<Object>` and `vector<set>` are types: an element that does something has attributes.
    if counts
        && (!attributes.is_empty()
            || is_one_of(name, &["iframe", "frameset", "svg", "isindex", "foreignobject", "xss"]))
    {
        note(hits, Signal::HtmlActive, range);
    }
}

/// An attribute within an element.
fn judge(text: &[u8], attribute: &Attribute, hits: &mut Hits) {
    let name = part(text, attribute.name.clone());
    let value = part(text, attribute.value.clone());
    let whole = attribute.name.start..attribute.value.end.max(attribute.name.end);
    if attribute::is_handler(name) && !value.is_empty() && !is_component(value) {
        note(hits, Signal::HtmlHandler, whole.clone());
    }
    if is_one_of(name, &["style"]) && runs_style(value) {
        note(hits, Signal::HtmlStyle, whole.clone());
    }
    if runs_address(value) || attribute::holds_address_list(name) && holds_script_address(value) {
        note(hits, Signal::HtmlUrl, whole);
    }
}

/// `onClick={handler}`: a component of a page's source, which no browser reads.
fn is_component(value: &[u8]) -> bool {
    value.first() == Some(&b'{') && !value.contains(&b'(')
}

fn runs_style(value: &[u8]) -> bool {
    let lower: Vec<u8> = squeezed(value);
    [
        &b"expression("[..],
        b"javascript:",
        b"vbscript:",
        b"-moz-binding",
        b"behavior:",
        b"behaviour:",
        b"binding:url",
        b"@import",
    ]
    .iter()
    .any(|sign| memchr::memmem::find(&lower, sign).is_some())
}

/// Whether a style element's content loads something.
fn loads_style(content: &[u8]) -> bool {
    runs_style(content) || memchr::memmem::find(content, b"url(").is_some()
}

/// Without space, control characters, comments and backslashes; in lower case.
fn squeezed(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte == b'/' && behind.first() == Some(&b'*') {
            let end = memchr::memmem::find(behind, b"*/").map_or(behind.len(), |end| end + 2);
            rest = behind.get(end..).unwrap_or_default();
        } else if *byte > b' ' && *byte != b'\\' && byte.is_ascii() {
            out.push(byte.to_ascii_lowercase());
        }
    }
    out
}

/// Whether an address is a script: `javascript:`, `data:text/html`, whatever control characters stand between.
pub(super) fn runs_address(value: &[u8]) -> bool {
    let first = skip(value, 0, |byte| byte <= b' ' || matches!(byte, b'"' | b'\'' | 0x80..));
    if !matches!(
        at(value, first),
        b'j' | b'J' | b'v' | b'V' | b'l' | b'L' | b'd' | b'D' | b'm' | b'M' | b'a' | b'A' | b'&'
    ) {
        return false;
    }
    let start = squeezed(part(value, first..value.len().min(first + 80)));
    let script = [
        "javascript:",
        "vbscript:",
        "livescript:",
        "mocha:",
        "about:<",
        "data:,",
        "data:text/html",
        "data:text/javascript",
        "data:application/x-",
        "data:image/svg",
        "data:application/javascript",
        "data:;base64",
    ];
    script.iter().any(|scheme| starts_with(&start, scheme))
}

fn holds_script_address(value: &[u8]) -> bool {
    let lower = squeezed(value);
    [&b"javascript:"[..], b"vbscript:", b"data:text/html"]
        .iter()
        .any(|sign| memchr::memmem::find(&lower, sign).is_some())
}

/// An event handler that begins within an attribute or an element the value does not open: `" onload=…`.
fn bare_handlers(text: &[u8], hits: &mut Hits) {
    for equals in memchr::memchr_iter(b'=', text).take(MOST_ELEMENTS) {
        let before = part(text, 0..equals);
        let name_ends = equals - before.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
        let name =
            part(text, 0..name_ends).iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let name_starts = name_ends - name;
        let separated = name_starts == 0
            || matches!(at(text, name_starts - 1), b'"' | b'\'' | b'`' | b'/' | b'+' | b'>' | b'<' | b'\0'..=b' ' | 0x80.. | b'|' | b';' | b'&' | b'?' | b'(');
        let value = skip_space(text, equals + 1);
        let filled = value < text.len() && !matches!(at(text, value), b'=' | b'>' | b'&');
        if separated
            && filled
            && attribute::is_known_event(part(text, name_starts..name_ends))
            && !is_component(part(text, value..text.len()))
        {
            note(hits, Signal::HtmlAttribute, name_starts..text.len().min(value + 20));
        }
    }
}

/// A quote, the end of an element, and the beginning of another: the attribute was left.
fn breaks(text: &[u8], hits: &mut Hits) {
    for quote in memchr::memchr3_iter(b'"', b'\'', b'`', text).take(8) {
        let next = skip(text, quote + 1, |byte| {
            byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'' | b'\\' | b')' | b';')
        });
        if at(text, next) != b'>' {
            continue;
        }
        // An attribute that the value itself opened is closed rightly.
        let opened = part(text, 0..quote).contains(&b'<');
        let follows =
            memchr::memchr(b'<', part(text, next..text.len())).map(|at_byte| at(text, next + at_byte + 1));
        if !opened
            && follows
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'!' | b'?' | b'<'))
        {
            note(hits, Signal::HtmlBreak, quote..next + 1);
        }
    }
}

/// The end of an element whose content is no markup, which the value never opened: `</script>`, `</textarea>`.
fn unopened(text: &[u8], hits: &mut Hits) {
    const RAW: &[&str] = &[
        "script", "style", "textarea", "title", "noscript", "iframe", "noembed", "body", "html", "xmp",
        "template",
    ];
    let Some(first) = memchr::memchr(b'<', text) else { return };
    if at(text, first + 1) != b'/' {
        return;
    }
    let end = skip(text, first + 2, |byte| byte.is_ascii_alphanumeric());
    if is_one_of(part(text, first + 2..end), RAW) {
        note(hits, Signal::HtmlBreak, first..end);
    }
}
