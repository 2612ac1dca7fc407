//! Bans: a caller key refused until a time; and revocations: a credential that proves nothing until a time.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::caller::CallerKey;
use crate::credential::Credential;
use crate::time::Timestamp;

/// Whom a ban refuses: a caller, every address of a network, or who comes with a credential that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BanKey {
    /// One caller.
    Caller(CallerKey),
    /// Every client address in a network.
    Network(ipnet::IpNet),
    /// A credential: what was set is called a revocation, and the credential proves nothing.
    Credential(Credential),
}

impl BanKey {
    /// Reads `identity:PROVIDER/SUBJECT`, `ip:ADDRESS`, `net:PREFIX`, a bare address or prefix, or a
    /// credential as [`Credential::parse`] does.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(prefix) = text.strip_prefix("net:") {
            return prefix.parse::<ipnet::IpNet>().ok().map(|net| Self::Network(net.trunc()));
        }
        if let Some(credential) = Credential::parse(text) {
            return Some(Self::Credential(credential));
        }
        if let Some(key) = CallerKey::parse(text) {
            return Some(Self::Caller(key));
        }
        text.parse::<ipnet::IpNet>().ok().map(|net| Self::Network(net.trunc()))
    }
}

impl std::fmt::Display for BanKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Caller(key) => write!(f, "{key}"),
            Self::Network(net) => write!(f, "net:{net}"),
            Self::Credential(credential) => write!(f, "{credential}"),
        }
    }
}

impl Serialize for BanKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BanKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a caller, a network or a credential"))
    }
}

/// One ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Whom it refuses.
    pub key: BanKey,
    /// The site it holds for; every site if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SmolStr>,
    /// When it was set.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Why, in words.
    pub reason: SmolStr,
    /// The rule, limit or person that set it.
    pub by: SmolStr,
}

impl Ban {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// The bans in force as the engine may ask for them: an in-memory view the host hands in.
pub trait BanView {
    /// The ban that refuses `caller` (or the network of `client`) at `site` at `now`, if any.
    fn find(
        &self,
        site: Option<&str>,
        caller: &CallerKey,
        client: std::net::IpAddr,
        now: Timestamp,
    ) -> Option<std::sync::Arc<Ban>>;

    /// The revocation of a credential at `site` at `now`, if it was taken back.
    fn revocation(
        &self,
        site: Option<&str>,
        credential: &Credential,
        now: Timestamp,
    ) -> Option<std::sync::Arc<Ban>>;
}

/// No bans at all; for tests and for `check`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBans;

impl BanView for NoBans {
    fn find(
        &self,
        _: Option<&str>,
        _: &CallerKey,
        _: std::net::IpAddr,
        _: Timestamp,
    ) -> Option<std::sync::Arc<Ban>> {
        None
    }

    fn revocation(&self, _: Option<&str>, _: &Credential, _: Timestamp) -> Option<std::sync::Arc<Ban>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read_back() {
        for (text, written) in [
            ("203.0.113.9", "ip:203.0.113.9"),
            ("203.0.113.7/24", "net:203.0.113.0/24"),
            ("net:2001:db8::/32", "net:2001:db8::/32"),
            ("identity:partners/acme", "identity:partners/acme"),
            ("token:5f1c", "token:5f1c"),
        ] {
            assert_eq!(BanKey::parse(text).map(|key| key.to_string()).as_deref(), Some(written));
        }
        assert_eq!(BanKey::parse("example"), None);
    }
}
