//! `Content-Disposition` of a form's part (RFC 7578 §4.2).

use crate::grammar::{is_token_byte, trim};

/// What a part's disposition says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) file_name: Option<Vec<u8>>,
    /// It names something twice, or by an extended parameter (RFC 8187) that servers prefer differently.
    pub(crate) ambiguous: bool,
    /// A single quote stands in or around a name: some servers take it for a quoting character.
    pub(crate) single_quotes: bool,
}

impl Disposition {
    /// Reads a `form-data` or other disposition; `None` if its syntax is broken.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let mut read = Self::default();
        read.parameters(value).map(|()| read)
    }

    /// What a disposition whose syntax is broken says before it breaks off.
    pub(crate) fn salvage(value: &[u8]) -> Option<Self> {
        let mut read = Self::default();
        let whole = read.parameters(value);
        (whole.is_some() || read.name.is_some() || read.file_name.is_some()).then_some(read)
    }

    fn parameters(&mut self, value: &[u8]) -> Option<()> {
        let end = value.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(value.len());
        let mut rest = trim(value.get(end..)?);
        if end == 0 {
            return None;
        }
        while let [b';', behind @ ..] = rest {
            let behind = trim(behind);
            let equals = memchr::memchr(b'=', behind)?;
            let (name, value) = (behind.get(..equals)?, behind.get(equals + 1..)?);
            let (text, behind) = parameter_value(value)?;
            self.note(name, text);
            rest = trim(behind);
        }
        rest.is_empty().then_some(())
    }

    fn note(&mut self, name: &[u8], text: Vec<u8>) {
        self.single_quotes |= text.contains(&b'\'');
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

/// A token or a quoted string, and what follows. Browsers escape a quote as `%22`; a backslash escapes a quote and
/// itself, and is a backslash before anything else, as file names of Windows have them.
fn parameter_value(value: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let end = value.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(value.len());
        let (token, rest) = value.split_at_checked(end)?;
        return (!token.is_empty()).then(|| (token.to_vec(), rest));
    };
    let mut text = Vec::new();
    let mut rest = quoted;
    loop {
        rest = match rest {
            [b'"', behind @ ..] => return Some((text, behind)),
            [b'\\', escaped @ (b'"' | b'\\'), behind @ ..] => {
                text.push(*escaped);
                behind
            }
            [byte, behind @ ..] => {
                text.push(*byte);
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
    fn names_and_what_is_ambiguous() {
        let read = Disposition::parse(b"form-data; name=\"a b\"; FileName=x.txt").unwrap();
        assert!(!read.ambiguous);
        let read = (read.name.as_deref(), read.file_name.as_deref());
        assert_eq!(read, (Some(&b"a b"[..]), Some(&b"x.txt"[..])));
        let windows = Disposition::parse(br#"form-data; name="it's"; filename="C:\x\"y""#).unwrap();
        assert_eq!(windows.file_name.as_deref(), Some(&br#"C:\x"y"#[..]));
        assert!(windows.single_quotes);
        assert!(Disposition::parse(b"form-data; name=a; name=b").unwrap().ambiguous);
        assert!(Disposition::parse(b"form-data; name=a; filename*=UTF-8''b").unwrap().ambiguous);
        for bad in ["", "form-data; name", "form-data; name=\"a", "form-data name=a", "form-data; name="] {
            assert_eq!(Disposition::parse(bad.as_bytes()), None, "{bad:?}");
        }
        let broken = Disposition::salvage(b"form-data; name=\"a\"; filename=\"b").unwrap();
        assert_eq!((broken.name.as_deref(), broken.file_name), (Some(&b"a"[..]), None));
    }
}
