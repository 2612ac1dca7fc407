//! `Content-Disposition` of a form's part (RFC 7578 §4.2).

use crate::fields::media_type::unquote;
use crate::grammar::{is_token_byte, trim};

/// What a part's disposition says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) name: Option<String>,
    pub(crate) file_name: Option<String>,
    /// It names something twice, or by an extended parameter (RFC 8187) that servers prefer differently.
    pub(crate) ambiguous: bool,
}

impl Disposition {
    /// Reads a `form-data` or other disposition; `None` if its syntax is broken.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let end = value.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(value.len());
        let mut read = Self::default();
        let mut rest = trim(value.get(end..)?);
        if end == 0 {
            return None;
        }
        while let [b';', behind @ ..] = rest {
            let behind = trim(behind);
            let equals = memchr::memchr(b'=', behind)?;
            let (name, value) = (behind.get(..equals)?, behind.get(equals + 1..)?);
            let (text, behind) = parameter_value(value)?;
            read.note(name, text);
            rest = trim(behind);
        }
        rest.is_empty().then_some(read)
    }

    fn note(&mut self, name: &[u8], text: String) {
        let slot = match name.to_ascii_lowercase().as_slice() {
            b"name" => &mut self.name,
            b"filename" => &mut self.file_name,
            b"name*" | b"filename*" => {
                self.ambiguous = true;
                return;
            }
            _ => return,
        };
        if slot.is_some() {
            self.ambiguous = true;
        } else {
            *slot = Some(text);
        }
    }
}

/// A token or a quoted string, and what follows. Browsers escape a quote as `%22`; a backslash is read as an escape.
fn parameter_value(value: &[u8]) -> Option<(String, &[u8])> {
    if let [b'"', quoted @ ..] = value {
        return unquote(quoted);
    }
    let end = value.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(value.len());
    let (token, rest) = value.split_at_checked(end)?;
    (!token.is_empty()).then(|| (String::from_utf8_lossy(token).into_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_ambiguous() {
        let read = Disposition::parse(b"form-data; name=\"a b\"; FileName=x.txt").unwrap();
        assert_eq!((read.name.as_deref(), read.file_name.as_deref()), (Some("a b"), Some("x.txt")));
        assert!(!read.ambiguous);
        assert!(Disposition::parse(b"form-data; name=a; name=b").unwrap().ambiguous);
        assert!(Disposition::parse(b"form-data; name=a; filename*=UTF-8''b").unwrap().ambiguous);
        for bad in ["", "form-data; name", "form-data; name=\"a", "form-data name=a", "form-data; name="] {
            assert_eq!(Disposition::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
