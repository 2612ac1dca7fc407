//! Bans: a caller key refused until a time; and revocations: a credential that proves nothing until a time.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::caller::CallerKey;
use crate::credential::Credential;
use crate::id::EventId;
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
    /// Every exchange with that tag, `namespace:value`, as far as it is known before the body is read. Beside tags proper:
    /// `credential:ID` of the credential that proved the caller, `session:COOKIE/HASH` of a cookie's value.
    Tag(SmolStr),
}

/// Namespaces in which keys of other kinds are written.
const NO_TAGS: [&str; 7] = ["ip", "net", "identity", "token", "key", "subject", "certificate"];
/// The longest tag that can be banned, in bytes.
const LONGEST_TAG: usize = 256;

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
        let network = text.parse::<ipnet::IpNet>().ok().map(|net| Self::Network(net.trunc()));
        network.or_else(|| is_tag(text).then(|| Self::Tag(text.into())))
    }

    /// Up to where all tags of its kind are written alike: `ja4:`, or `session:sid/`; none for other keys.
    pub fn tag_prefix(&self) -> Option<&str> {
        let Self::Tag(tag) = self else { return None };
        let end = if tag.starts_with("session:") { '/' } else { ':' };
        tag.split_inclusive(end).next()
    }
}

fn is_tag(text: &str) -> bool {
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    text.len() <= LONGEST_TAG
        && text.split_once(':').is_some_and(|(namespace, value)| {
            namespace.starts_with(|c: char| c.is_ascii_lowercase())
                && namespace.chars().all(name)
                && !NO_TAGS.contains(&namespace)
                && !(value.is_empty() || value.starts_with(':'))
                && !value.contains(|c: char| c.is_whitespace() || c.is_control())
        })
}

impl std::fmt::Display for BanKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Caller(key) => write!(f, "{key}"),
            Self::Network(net) => write!(f, "net:{net}"),
            Self::Credential(credential) => write!(f, "{credential}"),
            Self::Tag(tag) => f.write_str(tag),
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
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom("not a caller, a network, a credential or a tag"))
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
    /// When it ends at the latest, if it lasts twice as long as the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grows_to: Option<Timestamp>,
    /// The exchange that had it set, which its event tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
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

    /// How the tags begin that anything is banned by (see [`BanKey::tag_prefix`]); nothing where there are none.
    fn tag_prefixes(&self) -> Option<std::sync::Arc<[SmolStr]>> {
        None
    }

    /// The ban of a tag at `site` at `now`.
    fn tagged(&self, _site: Option<&str>, _tag: &str, _now: Timestamp) -> Option<std::sync::Arc<Ban>> {
        None
    }
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
            ("ja4:t13d1516h2_8daaf6152771_e5627efa2ab1", "ja4:t13d1516h2_8daaf6152771_e5627efa2ab1"),
            ("team:red:blue", "team:red:blue"),
        ] {
            assert_eq!(BanKey::parse(text).map(|key| key.to_string()).as_deref(), Some(written));
        }
        for none in ["example", "ip:999", "net:x", "identity:anna", "Team:red", "team:", "fe80::x", "a:b c"] {
            assert_eq!(BanKey::parse(none), None, "{none}");
        }
        assert_eq!(BanKey::parse("session:sid/0a").unwrap().tag_prefix(), Some("session:sid/"));
        assert_eq!(BanKey::parse("team:a/b").unwrap().tag_prefix(), Some("team:"));
    }
}
