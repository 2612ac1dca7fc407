//! Credentials by the names they are taken back by.
//!
//! Invariant: the written form is read back as the same credential. It does not know what proves one.

use std::fmt;

use smol_str::{SmolStr, ToSmolStr};

use crate::caller::Identity;

/// A credential, or all of one subject, that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A token, by its id (`jti`, RFC 7519 §4.1.7).
    Token(SmolStr),
    /// Everything that proves a subject.
    Subject(Identity),
    /// An API key, by its id.
    Key(SmolStr),
    /// A client certificate, by its SHA-256 in lower-case hexadecimal.
    Certificate(SmolStr),
}

impl Credential {
    /// Reads `token:ID`, `subject:PROVIDER/SUBJECT`, `key:ID` or `certificate:SHA256` (with or without colons).
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty())?;
        match kind {
            "token" => Some(Self::Token(name.into())),
            "key" => Some(Self::Key(name.into())),
            "subject" => {
                let (provider, subject) = name.split_once('/')?;
                let filled = !provider.is_empty() && !subject.is_empty();
                filled.then(|| Self::Subject(Identity { provider: provider.into(), subject: subject.into() }))
            }
            "certificate" => {
                let digits = name.replace(':', "").to_ascii_lowercase();
                let whole = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                whole.then(|| Self::Certificate(digits.to_smolstr()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Subject(name) => write!(f, "subject:{}/{}", name.provider, name.subject),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Certificate(digest) => write!(f, "certificate:{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_written_and_read_back() {
        let digest = "0a".repeat(32);
        let spelled = vec!["0A"; 32].join(":");
        for (text, written) in [
            ("token:a:b/c", Some("token:a:b/c".to_owned())),
            ("subject:customers/a/b", Some("subject:customers/a/b".to_owned())),
            ("key:key-12", Some("key:key-12".to_owned())),
            (&format!("certificate:{spelled}"), Some(format!("certificate:{digest}"))),
            ("certificate:0a", None),
            ("subject:anna", None),
            ("token:", None),
            ("ip:203.0.113.9", None),
        ] {
            assert_eq!(Credential::parse(text).map(|one| one.to_string()), written, "{text}");
        }
    }
}
