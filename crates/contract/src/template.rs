//! Path templates: `/customers/{customerId}/invoices/{number}.pdf` read into segments that can be matched.
//!
//! Invariants: a template has one name for every value its segments capture, in order; literals are stored
//! percent-decoded, as requests' segments are when they are compared. It knows nothing of methods, documents
//! or of other templates.
//!
//! Beyond `{name}` it reads what real documents write: several parameters in one segment (`{base}...{head}`),
//! and a greedy last segment (`{proxy+}`), which captures all that remains.

use std::fmt::Write as _;

use smallvec::SmallVec;
use smol_str::{SmolStr, SmolStrBuilder};

/// Segments one template may have; more is a mistake in the document.
pub const SEGMENT_LIMIT: usize = 64;

/// A path template and what its segments match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: SmolStr,
    segments: Vec<Segment>,
    names: Vec<SmolStr>,
    slash: Slash,
}

/// Whether a path ends with a slash. `/` alone does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Slash {
    /// It ends with a slash.
    Trailing,
    /// It does not.
    Absent,
}

impl Slash {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Trailing => Self::Absent,
            Self::Absent => Self::Trailing,
        }
    }
}

/// One segment of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    /// Exactly this text.
    Literal(SmolStr),
    /// Text around parameters, e.g. `{id}.json`.
    Mixed(Mixed),
    /// A parameter: any segment that is not empty.
    Any,
    /// A greedy parameter: every segment that remains, at least one.
    Rest,
}

impl Segment {
    /// How many values it captures.
    fn captured(&self) -> usize {
        match self {
            Self::Literal(_) => 0,
            Self::Mixed(mixed) => mixed.literals.len() - 1,
            Self::Any | Self::Rest => 1,
        }
    }
}

/// A segment of literals and parameters: `literals[0] {} literals[1] {} … literals[n]`, so that it captures
/// one value fewer than it has literals. Each value has at least one character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mixed {
    literals: Vec<SmolStr>,
}

/// Why a text is not a path template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateMistake {
    /// A `{` without its `}`, or the other way round.
    #[error("`{0}` has a brace without its partner")]
    Unbalanced(SmolStr),
    /// A parameter without a name.
    #[error("`{0}` has a parameter without a name")]
    Nameless(SmolStr),
    /// A greedy parameter that is not the last segment.
    #[error("`{{{0}+}}` takes all that remains of a path, so it can only be the last segment")]
    GreedyInside(SmolStr),
    /// Too many segments.
    #[error("a path has at most {SEGMENT_LIMIT} segments, this one has {0}")]
    TooLong(usize),
}

/// Something in a template that is read, but not as its author may have meant it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateOddity {
    /// The path does not start with `/`.
    #[error("a path starts with `/`; it is read as if it did")]
    NoLeadingSlash,
    /// A query or fragment in the path.
    #[error("`{0}` is not part of a path: calls cannot be told apart by it, so it is left out")]
    QueryOrFragment(SmolStr),
    /// The same parameter twice.
    #[error("the parameter `{0}` is there twice; its first value is the one rules see")]
    RepeatedName(SmolStr),
    /// `{id:[0-9]+}`: the expression is not applied.
    #[error("the expression in `{{{0}}}` is not part of OpenAPI and is not applied")]
    Expression(SmolStr),
}

impl Template {
    /// Reads a template as a document writes it, base path included.
    pub fn parse(text: &str) -> Result<(Self, Vec<TemplateOddity>), TemplateMistake> {
        let mut oddities = Vec::new();
        let path = without_query(text, &mut oddities);
        let path = path.strip_prefix('/').unwrap_or_else(|| {
            oddities.push(TemplateOddity::NoLeadingSlash);
            path
        });
        let (path, slash) = match path.strip_suffix('/') {
            Some(inner) => (inner, Slash::Trailing),
            None if path.is_empty() => (path, Slash::Trailing),
            None => (path, Slash::Absent),
        };
        let pieces = split_segments(path);
        if pieces.len() > SEGMENT_LIMIT {
            return Err(TemplateMistake::TooLong(pieces.len()));
        }
        let mut reader = Reader { names: Vec::new(), oddities };
        let segments = pieces.iter().map(|piece| reader.segment(piece)).collect::<Result<Vec<_>, _>>()?;
        reader.check_greedy(&segments)?;
        let mut template = Self { text: SmolStr::default(), segments, names: reader.names, slash };
        template.text = template.write(|name| format!("{{{name}}}"));
        Ok((template, reader.oddities))
    }

    /// The template in its normal form: `/` first, no query, parameters as `{name}` (`{name+}` if greedy).
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of its parameters, in order.
    pub fn parameters(&self) -> &[SmolStr] {
        &self.names
    }

    /// Its parameters that are a whole segment each: the segment's place and the name.
    pub fn whole_segments(&self) -> impl Iterator<Item = (usize, &SmolStr)> {
        let mut before = 0;
        let places = self.segments.iter().enumerate().filter_map(move |(at, segment)| {
            let first = before;
            before += segment.captured();
            (*segment == Segment::Any).then_some((at, first))
        });
        places.filter_map(|(at, nth)| Some((at, self.names.get(nth)?)))
    }

    /// The template with its parameters' names left out: `/customers/{}`. Two templates with the same shape
    /// match the same paths.
    pub fn shape(&self) -> SmolStr {
        self.write(|_| "{}".to_owned())
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(crate) fn slash(&self) -> Slash {
        self.slash
    }

    fn write(&self, parameter: impl Fn(&str) -> String) -> SmolStr {
        let mut names = self.names.iter();
        let mut next =
            |greedy: &str| parameter(&format!("{}{greedy}", names.next().map_or("", SmolStr::as_str)));
        let mut text = SmolStrBuilder::new();
        for segment in &self.segments {
            text.push('/');
            match segment {
                Segment::Literal(literal) => text.push_str(&encode(literal)),
                Segment::Any => text.push_str(&next("")),
                Segment::Rest => text.push_str(&next("+")),
                Segment::Mixed(mixed) => {
                    for (at, literal) in mixed.literals.iter().enumerate() {
                        if at > 0 {
                            text.push_str(&next(""));
                        }
                        text.push_str(&encode(literal));
                    }
                }
            }
        }
        if self.slash == Slash::Trailing {
            text.push('/');
        }
        text.finish()
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Mixed {
    /// The values the parameters take in `text`, if it fits: literals are looked for from the left, the last
    /// one at the end.
    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<SmallVec<[&'t str; 4]>> {
        let (first, others) = self.literals.split_first()?;
        let (last, middle) = others.split_last()?;
        let mut rest = text.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut values = SmallVec::new();
        for literal in middle {
            let start = rest.chars().next()?.len_utf8();
            let found = start + rest.get(start..)?.find(literal.as_str())?;
            values.push(rest.get(..found)?);
            rest = rest.get(found + literal.len()..)?;
        }
        values.push(rest);
        (!rest.is_empty()).then_some(values)
    }

    /// How much of it is literal: what says more is tried first.
    pub(crate) fn weight(&self) -> usize {
        self.literals.iter().map(SmolStr::len).sum()
    }
}

/// Reads segments and gathers the names they capture.
struct Reader {
    names: Vec<SmolStr>,
    oddities: Vec<TemplateOddity>,
}

impl Reader {
    fn segment(&mut self, piece: &str) -> Result<Segment, TemplateMistake> {
        if let Some(name) = greedy_name(piece) {
            self.name(name, piece)?;
            return Ok(Segment::Rest);
        }
        let mut literals = Vec::new();
        let mut rest = piece;
        while let Some(open) = rest.find(['{', '}']) {
            let unbalanced = || TemplateMistake::Unbalanced(piece.into());
            let (literal, from) = rest.split_at(open);
            let close = closing_brace(from).ok_or_else(unbalanced)?;
            literals.push(decode(literal));
            self.name(from.get(1..close).unwrap_or_default(), piece)?;
            rest = from.get(close + 1..).unwrap_or_default();
        }
        literals.push(decode(rest));
        Ok(match literals.as_slice() {
            [only] => Segment::Literal(only.clone()),
            [before, after] if before.is_empty() && after.is_empty() => Segment::Any,
            _ => Segment::Mixed(Mixed { literals }),
        })
    }

    fn name(&mut self, written: &str, piece: &str) -> Result<(), TemplateMistake> {
        let (name, expression) = written.split_once(':').map_or((written, None), |(n, e)| (n, Some(e)));
        if expression.is_some() {
            self.oddities.push(TemplateOddity::Expression(written.into()));
        }
        let name = name.trim();
        if name.is_empty() {
            return Err(TemplateMistake::Nameless(piece.into()));
        }
        if self.names.iter().any(|known| known == name) {
            self.oddities.push(TemplateOddity::RepeatedName(name.into()));
        }
        self.names.push(name.into());
        Ok(())
    }

    fn check_greedy(&self, segments: &[Segment]) -> Result<(), TemplateMistake> {
        let Some((_, before)) = segments.split_last() else { return Ok(()) };
        let mut captured = 0;
        for segment in before {
            if *segment == Segment::Rest {
                let name = self.names.get(captured).cloned().unwrap_or_default();
                return Err(TemplateMistake::GreedyInside(name));
            }
            captured += segment.captured();
        }
        Ok(())
    }
}

/// Cuts a query or fragment off, as far as it is not inside a parameter.
fn without_query<'t>(text: &'t str, oddities: &mut Vec<TemplateOddity>) -> &'t str {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'?' | b'#' if depth == 0 => {
                let (path, cut) = text.split_at(at);
                oddities.push(TemplateOddity::QueryOrFragment(cut.into()));
                return path;
            }
            _ => {}
        }
    }
    text
}

/// Splits at slashes that are not inside a parameter's expression.
fn split_segments(path: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let split = path.split(move |char| {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        char == '/' && depth == 0
    });
    if path.is_empty() { Vec::new() } else { split.collect() }
}

/// The name in `{name+}` or `{+name}`, where that is the whole segment.
fn greedy_name(piece: &str) -> Option<&str> {
    let inner = piece.strip_prefix('{')?.strip_suffix('}')?;
    let name = inner.strip_suffix('+').or_else(|| inner.strip_prefix('+'))?;
    (!name.contains(['{', '}', ':'])).then_some(name)
}

/// The offset of the `}` that closes the `{` at the start of `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Percent-decodes a literal; an escape that is none, or what is not UTF-8 afterwards, stays as written.
pub(crate) fn decode(literal: &str) -> SmolStr {
    if !literal.contains('%') {
        return literal.into();
    }
    let mut bytes = Vec::with_capacity(literal.len());
    let mut rest = literal.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_or_else(|_| literal.into(), SmolStr::from)
}

/// Escapes in a literal what would be read as something else in a template.
fn encode(literal: &str) -> String {
    let mut text = String::with_capacity(literal.len());
    for char in literal.chars() {
        match char {
            '/' | '%' | '?' | '#' | '{' | '}' | ' ' => {
                // Writing to a `String` cannot fail.
                let _ = write!(text, "%{:02X}", u32::from(char));
            }
            plain => text.push(plain),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, normal: &str, names: &[&str]) {
        let (template, oddities) = Template::parse(text).unwrap();
        assert_eq!(
            (template.as_str(), template.parameters()),
            (normal, &*names.iter().map(SmolStr::new).collect::<Vec<_>>())
        );
        assert_eq!(oddities, [], "{text}");
        assert_eq!(
            Template::parse(template.as_str()).unwrap().0,
            template,
            "the normal form reads as itself"
        );
    }

    #[test]
    fn templates_are_read() {
        check("/", "/", &[]);
        check("/a/b", "/a/b", &[]);
        check("/a/", "/a/", &[]);
        check("/a//b", "/a//b", &[]);
        check("/users/{id}", "/users/{id}", &["id"]);
        check("/users/{id}.json", "/users/{id}.json", &["id"]);
        check("/compare/{base}...{head}/", "/compare/{base}...{head}/", &["base", "head"]);
        check("/v1/{ a }:{b}", "/v1/{a}:{b}", &["a", "b"]);
        check("/files/{+path}", "/files/{path+}", &["path"]);
        check("/caf%C3%A9/a%2Fb%20c", "/café/a%2Fb%20c", &[]);
    }

    fn odd(text: &str, normal: &str, expected: &[&str]) {
        let (template, oddities) = Template::parse(text).unwrap();
        assert_eq!(template.as_str(), normal);
        assert_eq!(oddities.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_real_documents_write_is_read_and_remarked_upon() {
        odd("users", "/users", &["a path starts with `/`; it is read as if it did"]);
        odd(
            "/r/{id}?cmd=diff",
            "/r/{id}",
            &["`?cmd=diff` is not part of a path: calls cannot be told apart by it, so it is left out"],
        );
        odd(
            "/r/{id:[0-9]{3}/?}",
            "/r/{id}",
            &["the expression in `{id:[0-9]{3}/?}` is not part of OpenAPI and is not applied"],
        );
        odd(
            "/{a}/{a}",
            "/{a}/{a}",
            &["the parameter `a` is there twice; its first value is the one rules see"],
        );
    }

    #[test]
    fn broken_templates_are_refused() {
        for (text, message) in [
            ("/a/{id", "`{id` has a brace without its partner"),
            ("/a/id}", "`id}` has a brace without its partner"),
            ("/a/{}", "`{}` has a parameter without a name"),
            ("/{all+}/b", "`{all+}` takes all that remains of a path, so it can only be the last segment"),
        ] {
            assert_eq!(Template::parse(text).unwrap_err().to_string(), message);
        }
        let long = "/a".repeat(SEGMENT_LIMIT + 1);
        assert_eq!(Template::parse(&long), Err(TemplateMistake::TooLong(SEGMENT_LIMIT + 1)));
    }

    fn captures(template: &str, text: &str) -> Option<Vec<String>> {
        match Template::parse(template).unwrap().0.segments() {
            [Segment::Mixed(mixed)] => {
                mixed.captures(text).map(|all| all.iter().map(ToString::to_string).collect())
            }
            other => panic!("{other:?} is not mixed"),
        }
    }

    #[test]
    fn mixed_segments_capture_between_their_literals() {
        let check = |template: &str, text: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(captures(template, text), expected, "{template} {text}");
        };
        check("/{id}.json", "7.json", Some(&["7"]));
        check("/{id}.json", "7.json.json", Some(&["7.json"]));
        check("/{id}.json", ".json", None);
        check("/{id}.json", "7.xml", None);
        check("/{a}...{b}", "main...dev", Some(&["main", "dev"]));
        check("/{a}...{b}", "...dev", None);
        check("/{a}-{b}-{c}", "1-2-3-4", Some(&["1", "2", "3-4"]));
        check("/{a}{b}", "é1", Some(&["é", "1"]));
        check("/x{a}x", "xx", None);
        check("/v{a}", "v2", Some(&["2"]));
    }
}
