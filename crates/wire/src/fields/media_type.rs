//! Media types (RFC 9110 §8.3): `type/subtype` with parameters.

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::grammar::{is_token, is_token_byte, trim};

/// A media type that was readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype`, lower case.
    essence: SmolStr,
    /// Parameter names in lower case with their values, quotes undone.
    parameters: Vec<(SmolStr, String)>,
    /// As it was sent; kept of multipart types only, whose boundary servers read in their own ways.
    sent: Box<[u8]>,
}

impl MediaType {
    /// Reads a `Content-Type` value; `None` if it is not a media type.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (essence, mut rest) = match memchr::memchr(b';', value) {
            Some(at) => value.split_at_checked(at)?,
            None => (value, &[][..]),
        };
        let essence = trim(essence);
        let slash = memchr::memchr(b'/', essence)?;
        if !is_token(essence.get(..slash)?) || !is_token(essence.get(slash + 1..)?) {
            return None;
        }
        let mut parameters = Vec::new();
        while let [b';', behind @ ..] = trim(rest) {
            let behind = trim(behind);
            if behind.is_empty() || behind.starts_with(b";") {
                rest = behind;
                continue;
            }
            let (name, value, behind) = parameter(behind)?;
            parameters.push((name, value));
            rest = behind;
        }
        trim(rest).is_empty().then(|| Self::new(essence, parameters, value))
    }

    /// The same of a value that is malformed behind its `type/subtype`, which is what servers go by.
    pub fn parse_beginning(value: &[u8]) -> Option<Self> {
        let value = trim(value);
        let end =
            value.iter().position(|byte| matches!(byte, b';' | b',' | b' ' | b'\t')).unwrap_or(value.len());
        let essence = value.get(..end)?;
        let slash = memchr::memchr(b'/', essence)?;
        let (kind, subtype) = (essence.get(..slash)?, essence.get(slash + 1..)?);
        (is_token(kind) && is_token(subtype)).then(|| Self::new(essence, Vec::new(), value))
    }

    fn new(essence: &[u8], parameters: Vec<(SmolStr, String)>, sent: &[u8]) -> Self {
        let essence = lower_case(essence);
        let sent = if essence.starts_with("multipart/") { sent.into() } else { Box::default() };
        Self { essence, parameters, sent }
    }

    /// A multipart type as it was sent; empty for any other.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.sent
    }

    /// `type/subtype`, lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The same, without copying it.
    pub fn into_essence(self) -> SmolStr {
        self.essence
    }

    /// The first parameter of that name (lower case).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How many parameters have that name (lower case); more than one means two readings.
    pub fn count(&self, name: &str) -> usize {
        self.parameters.iter().filter(|(known, _)| known == name).count()
    }

    /// `application/json`, and every type ending in `+json`.
    pub fn is_json(&self) -> bool {
        self.essence == "application/json" || self.essence == "text/json" || self.essence.ends_with("+json")
    }

    /// `application/x-www-form-urlencoded`.
    pub fn is_form(&self) -> bool {
        self.essence == "application/x-www-form-urlencoded"
    }

    /// `multipart/form-data` and its relatives.
    pub fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/")
    }

    /// Text of any kind that is read as such.
    pub fn is_text(&self) -> bool {
        self.essence.starts_with("text/")
            || self.is_xml()
            || matches!(self.essence.as_str(), "application/javascript" | "application/graphql")
    }

    /// `application/xml`, `text/xml`, and every type ending in `+xml`.
    pub fn is_xml(&self) -> bool {
        matches!(self.essence.as_str(), "application/xml" | "text/xml") || self.essence.ends_with("+xml")
    }

    /// `application/graphql`: a document, without the JSON around it.
    pub fn is_graphql(&self) -> bool {
        self.essence == "application/graphql"
    }

    /// Messages of gRPC as protocol buffers.
    pub fn is_grpc(&self) -> bool {
        matches!(self.essence.as_str(), "application/grpc" | "application/grpc+proto")
    }

    /// Protocol buffers under any of the names they go by.
    pub fn is_protobuf(&self) -> bool {
        matches!(
            self.essence.as_str(),
            "application/x-protobuf"
                | "application/protobuf"
                | "application/vnd.google.protobuf"
                | "application/x-google-protobuf"
        )
    }
}

/// A token in lower case.
fn lower_case(token: &[u8]) -> SmolStr {
    let lower: SmallVec<[u8; 64]> = token.iter().map(u8::to_ascii_lowercase).collect();
    std::str::from_utf8(&lower).map(SmolStr::new).unwrap_or_default()
}

/// One `name=value`, the value a token or quoted, and what follows it.
fn parameter(text: &[u8]) -> Option<(SmolStr, String, &[u8])> {
    let equals = memchr::memchr(b'=', text)?;
    let name = text.get(..equals)?;
    let value = text.get(equals + 1..)?;
    if !is_token(name) {
        return None;
    }
    let name = lower_case(name);
    let (value, rest) = if let [b'"', quoted @ ..] = value {
        unquote(quoted)?
    } else {
        // Boundaries of real clients hold `=`, `/` and more, unquoted.
        let end = value
            .iter()
            .position(|byte| !(is_token_byte(*byte) || matches!(byte, b'=' | b'/' | b':' | b'?' | b'@')))
            .unwrap_or(value.len());
        let (token, rest) = value.split_at_checked(end)?;
        if token.is_empty() {
            return None;
        }
        (String::from_utf8_lossy(token).into_owned(), rest)
    };
    Some((name, value, rest))
}

/// The inside of a quoted string whose opening quote is gone, and what follows the closing one.
pub(super) fn unquote(text: &[u8]) -> Option<(String, &[u8])> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', behind @ ..] => return Some((String::from_utf8_lossy(&value).into_owned(), behind)),
            [b'\\', escaped, behind @ ..] => {
                value.push(*escaped);
                behind
            }
            [byte, behind @ ..] => {
                value.push(*byte);
                behind
            }
            [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_parameters() {
        let read = MediaType::parse(b"Application/JSON; Charset=\"ut\\f-8\" ;; x=1").unwrap();
        assert_eq!((read.essence(), read.parameter("charset")), ("application/json", Some("utf-8")));
        assert!(read.is_json() && MediaType::parse(b"application/problem+json").unwrap().is_json());
        let form = MediaType::parse(b"multipart/form-data; boundary=--=_x/y").unwrap();
        assert_eq!(form.parameter("boundary"), Some("--=_x/y"));
        let beginning = MediaType::parse_beginning(b"multipart/form-data boundary = B").unwrap();
        assert_eq!(
            (beginning.essence(), beginning.sent()),
            ("multipart/form-data", &b"multipart/form-data boundary = B"[..])
        );
        assert_eq!(MediaType::parse(b"a/b;x=1;X=2").unwrap().count("x"), 2);
        for bad in ["", "json", "a/", "/b", "a b/c", "a/b; x", "a/b; x=\"y", "a/b; x=", "a/b, c/d"] {
            assert_eq!(MediaType::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
