//! What of a credential only the host can tell, and what it says.
//!
//! Invariant: a reply counts for the provider that asked, within the exchange that asked. It does not know how the host
//! finds out.

use std::sync::Arc;

use smol_str::SmolStr;

use super::PasswordCheck;

/// What a provider asks the host.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) provider: SmolStr,
    pub(crate) check: Arc<PasswordCheck>,
}

/// What the host found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialReply {
    /// The credential is good.
    Holds,
    /// It is not.
    Fails,
    /// Nobody looked at it: too many are being looked at.
    Unavailable,
}

/// A reply, and whose question it answers.
#[derive(Clone, Debug)]
pub(crate) struct Replied {
    pub(crate) provider: SmolStr,
    pub(crate) reply: CredentialReply,
}
