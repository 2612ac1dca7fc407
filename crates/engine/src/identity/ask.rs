//! What of a credential only the host can tell, and what it says.
//!
//! Invariant: a reply counts for the provider that asked, within the exchange that asked. It does not know how the host
//! finds out.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{CodeCheck, PasswordCheck, TokenCheck};

/// What a provider asks the host.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) provider: SmolStr,
    pub(crate) check: CredentialCheck,
}

/// What the host is to look at.
#[derive(Clone, Debug)]
pub enum CredentialCheck {
    /// A password, which is expensive to look at on purpose.
    Password(Arc<PasswordCheck>),
    /// A token, about which its issuer is asked.
    Token(Arc<TokenCheck>),
    /// A code its issuer changes for a token.
    Code(Arc<CodeCheck>),
}

impl CredentialCheck {
    /// What can be told without anybody else: of a token that its issuer would have to be asked about, nothing.
    pub fn alone(&self) -> CredentialReply {
        match self {
            Self::Password(check) if check.run() => CredentialReply::Holds,
            Self::Password(_) => CredentialReply::Fails,
            Self::Token(_) | Self::Code(_) => CredentialReply::Unavailable,
        }
    }
}

/// What the host found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialReply {
    /// The credential is good.
    Holds,
    /// The issuer says that the token is active, or gives one for a code, and what it says besides.
    Active(Arc<serde_json::Value>),
    /// It is not.
    Fails,
    /// Nobody could look at it: too many are being looked at, or the issuer does not answer.
    Unavailable,
}

/// A reply, and whose question it answers.
#[derive(Clone, Debug)]
pub(crate) struct Replied {
    pub(crate) provider: SmolStr,
    pub(crate) reply: CredentialReply,
}
