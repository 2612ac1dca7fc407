//! Scalars of the content filter: its level, which rules and which places are meant, media types.

use portcullis_document::{Node, Place, join};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading};
use crate::table::{Json, Kind, Scalar};

/// How strict the content filter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterLevel(u8);

impl FilterLevel {
    /// From 1 (practically no honest request is hit) to 4 (everything there is).
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Decode for FilterLevel {
    const KIND: Kind =
        Kind::Scalar(&Scalar { name: "level", about: "a whole number from 1 to 4", json: Json::Whole(1, 4) });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let found = node.place.text().parse().ok().filter(|level| (1..=4).contains(level));
        found.map(Self).or_else(|| reading.wrong_kind(node, "a whole number from 1 to 4", ""))
    }
}

/// A folder the policy names.
#[derive(Clone, Debug)]
pub struct FolderRef {
    /// Its path, relative to where the policy's own path is relative to.
    pub path: SmolStr,
    /// Where it is named.
    pub place: Place,
}

impl Decode for FolderRef {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "folder",
        about: "a folder's path, relative to the file that names it",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a folder's path")?;
        if text.is_empty() || text.contains("://") {
            return reading.wrong_kind(node, "a folder's path", "");
        }
        let path = join(node.place.file().name(), &text);
        Some(Self { path: path.into(), place: node.place.clone() })
    }
}

/// Which rules of the content filter are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSelector {
    /// Those with numbers between two bounds, both included.
    Numbers(u32, u32),
    /// A rule's id, a class of attack or a tag of rules.
    Name(SmolStr),
}

impl Decode for RuleSelector {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "filter rule",
        about: "a rule's id (`942100`, `sqli-tautology`), a range of ids, a class (`sqli`) or a tag (`attack-sqli`)",
        json: Json::PatternOrWhole(r"^\S+$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a rule's id, a range of ids, a class or a tag")?;
        if text.is_empty() || text.contains(char::is_whitespace) {
            return reading.wrong_kind(node, "a rule's id, a range of ids, a class or a tag", "");
        }
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        Some(match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Self::Numbers(first, last),
            (Ok(_), Ok(_)) => {
                return reading.wrong_kind(node, "a range of ids, the smaller first", "e.g. `942100-942199`");
            }
            _ => Self::Name(text),
        })
    }
}

/// A pattern of places in an exchange, as reasons name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacePattern(SmolStr);

impl PlacePattern {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a place is meant: `*` stands for any run of characters, case matters in names of the body only.
    pub fn matches(&self, place: &str) -> bool {
        let exact = self.0.starts_with("body");
        let same = |a: u8, b: u8| if exact { a == b } else { a.eq_ignore_ascii_case(&b) };
        let (pattern, place) = (self.0.as_bytes(), place.as_bytes());
        // One star is remembered and tried again further on: linear for every pattern a person writes.
        let (mut p, mut t, mut star) = (0, 0, None);
        while let Some(byte) = place.get(t) {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(known) if same(*known, *byte) => (p, t) = (p + 1, t + 1),
                _ => {
                    let Some((at, from)) = star else { return false };
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
            }
        }
        pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
    }
}

/// Parts of an exchange that places begin with.
const PARTS: [&str; 11] = [
    "path", "query", "headers", "cookies", "body", "method", "target", "ip", "request", "response",
    "protocol",
];

impl Decode for PlacePattern {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "place",
        about: "a place in an exchange: `query.q`, `body.items[*].note`, `headers.user-agent`; `*` for anything",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a place such as `query.q`")?;
        let part = text.split(['.', '[', ' ', '*']).next().unwrap_or_default();
        // Variables of SecLang keep their names: `request_line`, `tx.1`.
        if PARTS.contains(&part) || text.starts_with(['*']) || part == "tx" || part.contains('_') {
            return Some(Self(text));
        }
        let remedy =
            format!("a place begins with one of {}", PARTS.map(|part| format!("`{part}`")).join(", "));
        reading.wrong_kind(node, "a place such as `query.q` or `body.items[*].note`", &remedy)
    }
}

/// A media type, or all of a kind: `text/html`, `text/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRange(SmolStr);

impl MediaRange {
    /// The media type, where it is one and not all of a kind.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.ends_with('*')).then_some(&*self.0)
    }

    /// Whether a media type, without parameters and in lower case, is meant.
    pub fn matches(&self, essence: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(kind) => essence.starts_with(kind),
            None => self.0 == essence,
        }
    }
}

impl Decode for MediaRange {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "media type",
        about: "a media type without parameters, or all of a kind: `text/html`, `text/*`",
        json: Json::Pattern(r"^[A-Za-z0-9!#$&^_.+-]+/(\*|[A-Za-z0-9!#$&^_.+-]+)$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a media type")?;
        let token = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c))
        };
        let fits = text.split_once('/').is_some_and(|(kind, sub)| token(kind) && (sub == "*" || token(sub)));
        if fits {
            Some(Self(text.to_ascii_lowercase().into()))
        } else {
            reading.wrong_kind(node, "a media type such as `text/html` or `text/*`", "")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_matched_with_stars() {
        for (pattern, place, matches) in [
            ("query.q", "query.q", true),
            ("query.q", "query.qq", false),
            ("query.*", "query.a.b", true),
            ("body.items[*].note", "body.items[12].note", true),
            ("body.items[*].note", "body.items[1].notes", false),
            ("body.Note", "body.note", false),
            ("headers.User-Agent", "headers.user-agent", true),
            ("*", "path", true),
            ("body*", "body", true),
            ("*.a*b", "query.aab", true),
        ] {
            assert_eq!(PlacePattern(pattern.into()).matches(place), matches, "{pattern} on {place}");
        }
    }

    #[test]
    fn media_types_are_matched_whole_or_by_kind() {
        assert!(MediaRange("text/*".into()).matches("text/html"));
        assert!(!MediaRange("text/html".into()).matches("text/html2"));
    }
}
