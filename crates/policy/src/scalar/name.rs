//! Names and short texts: header fields, tags, status codes and the paths of response fields.

use std::fmt;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Decode, Reading};
use crate::table::{Json, Kind, Scalar};

impl Decode for SmolStr {
    const KIND: Kind = Kind::Scalar(&Scalar { name: "text", about: "text", json: Json::Text });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "text")?;
        if text.is_empty() { reading.wrong_kind(node, "text that is not empty", "") } else { Some(text) }
    }
}

impl Decode for String {
    const KIND: Kind = Kind::Scalar(&Scalar { name: "text", about: "text", json: Json::Text });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        reading.text(node, "text").map(Into::into)
    }
}

/// A header field's name (RFC 9110 §5.1), in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderName(SmolStr);

impl HeaderName {
    /// Reads a name in any case; `None` if no field can be called that.
    pub fn parse(text: &str) -> Option<Self> {
        http::HeaderName::from_bytes(text.as_bytes()).ok().map(|name| Self(name.as_str().into()))
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for HeaderName {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "header name",
        about: "a header field's name, in any case",
        json: Json::Pattern(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a header field's name")?;
        Self::parse(&text)
            .or_else(|| reading.wrong_kind(node, "a header field's name", "write it like `X-Api-Key`"))
    }
}

/// A tag as rules set it: `namespace:value`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(SmolStr);

impl TagName {
    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole tag, cheap to clone.
    pub fn as_smol(&self) -> &SmolStr {
        &self.0
    }
}

impl Decode for TagName {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "tag",
        about: "`namespace:value`",
        json: Json::Pattern(r"^[a-z][a-z0-9_-]*:[^\s:][^\s]*$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a tag, `namespace:value`")?;
        let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        let fits = text.split_once(':').is_some_and(|(namespace, value)| {
            namespace.starts_with(|c: char| c.is_ascii_lowercase())
                && namespace.chars().all(name)
                && !value.is_empty()
                && value.len() <= 128
                && !value.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        if fits {
            return Some(Self(text));
        }
        let problem = Problem::error("policy.bad_tag", format!("`{text}` is not a tag")).at(&node.place);
        let remedy = if text.contains(':') {
            "write `namespace:value`: a lower-case namespace, and a value without blanks".to_owned()
        } else {
            format!("write it with a namespace, e.g. `team:{text}`")
        };
        reading.refuse(problem.remedy(remedy))
    }
}

/// An HTTP status the gateway answers with by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusCode(u16);

impl StatusCode {
    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Decode for StatusCode {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "status",
        about: "a final HTTP status, 200 to 599",
        json: Json::Whole(200, 599),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let status = node.as_int().and_then(|number| u16::try_from(number).ok());
        let status = status.filter(|status| (200..600).contains(status)).map(Self);
        status.or_else(|| reading.wrong_kind(node, "an HTTP status from 200 to 599", ""))
    }
}

/// Where in a JSON body a field stands: `card.number`, `items[].iban`, `rows[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    text: SmolStr,
    steps: Vec<FieldStep>,
}

/// One step down a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldStep {
    /// The field of that name.
    Key(SmolStr),
    /// Every item of a list: `[]`.
    Each,
    /// One item of a list, counted from 0.
    Index(usize),
}

impl FieldPath {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The steps from the body's root; at least one.
    pub fn steps(&self) -> &[FieldStep] {
        &self.steps
    }

    /// Reads the dotted form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (key, mut indexes) = part.split_at_checked(part.find('[').unwrap_or(part.len()))?;
            if !key.is_empty() {
                steps.push(FieldStep::Key(key.into()));
            } else if indexes.is_empty() || !steps.is_empty() {
                return None;
            }
            while let Some(rest) = indexes.strip_prefix('[') {
                let (index, rest) = rest.split_once(']')?;
                steps.push(if index.is_empty() {
                    FieldStep::Each
                } else {
                    FieldStep::Index(index.parse().ok()?)
                });
                indexes = rest;
            }
            if !indexes.is_empty() {
                return None;
            }
        }
        Some(Self { text: text.into(), steps })
    }
}

impl Decode for FieldPath {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "field path",
        about: "a field of a JSON body: `card.number`, `items[].iban`",
        json: Json::Text,
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a field's path")?;
        let remedy = "write it like `card.number` or, for every item of a list, `items[].iban`";
        Self::parse(&text).or_else(|| reading.wrong_kind(node, "a field's path", remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_paths_are_read() {
        let steps = |text: &str| FieldPath::parse(text).map(|path| path.steps().to_vec());
        let key = |text: &str| FieldStep::Key(text.into());
        assert_eq!(steps("card.number"), Some(vec![key("card"), key("number")]));
        assert_eq!(
            steps("[].a[0][]"),
            Some(vec![FieldStep::Each, key("a"), FieldStep::Index(0), FieldStep::Each])
        );
        for text in ["", ".", "a..b", "a[", "a[x]", "a[0]b", "a.[0]"] {
            assert_eq!(steps(text), None, "{text}");
        }
    }
}
