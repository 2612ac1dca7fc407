//! Callers: an identity where a credential proved one, else the client's address.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::{SmolStr, format_smolstr};

/// How an identity was proved.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A signed JSON Web Token (RFC 7519).
    Jwt,
    /// A token its issuer was asked about (RFC 7662).
    Introspection,
    /// An API key, compared as a keyed hash.
    ApiKey,
    /// A client certificate.
    Mtls,
    /// A name and a password (RFC 7617).
    Basic,
    /// A session of somebody who logged in at an OIDC issuer.
    Oidc,
    /// The signature of the request itself (RFC 9421).
    Signature,
}

impl Proof {
    /// The word used in tags (`auth:jwt`) and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Introspection => "introspection",
            Self::ApiKey => "api_key",
            Self::Mtls => "mtls",
            Self::Basic => "basic",
            Self::Oidc => "oidc",
            Self::Signature => "signature",
        }
    }
}

/// An identity's name: the provider that proved it and the subject within that provider.
///
/// This is a name, not a proof; the proof is the engine's `Identity`, which only its authenticator makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Identity {
    /// The policy's name of the provider.
    pub provider: SmolStr,
    /// The subject the provider names.
    pub subject: SmolStr,
}

/// The key one caller is counted, limited and banned under.
///
/// Written `identity:PROVIDER/SUBJECT`, `ip:203.0.113.9` or, for IPv6, `ip:2001:db8:1:2::/64`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CallerKey {
    /// A proved identity.
    Identity(Identity),
    /// A client address; IPv6 addresses are cut to their /64.
    Address(IpAddr),
}

impl CallerKey {
    /// The key of an address: IPv4 as it is (also when mapped into IPv6), IPv6 cut to its /64.
    pub fn address(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::Address(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            v4 @ IpAddr::V4(_) => Self::Address(v4),
        }
    }

    /// Reads the written form.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("identity:") {
            let (provider, subject) = name.split_once('/')?;
            let filled = !provider.is_empty() && !subject.is_empty();
            return filled
                .then(|| Self::Identity(Identity { provider: provider.into(), subject: subject.into() }));
        }
        let address = text.strip_prefix("ip:").unwrap_or(text);
        address.strip_suffix("/64").unwrap_or(address).parse().ok().map(Self::address)
    }
}

impl fmt::Display for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(name) => write!(f, "identity:{}/{}", name.provider, name.subject),
            Self::Address(IpAddr::V6(ip)) => write!(f, "ip:{ip}/64"),
            Self::Address(v4) => f.write_str(&address_text("ip:", *v4)),
        }
    }
}

/// An address behind a prefix. IPv4 is joined by hand: it stands in every event several times, and formatting costs
/// ten times as much.
pub fn address_text(prefix: &str, ip: IpAddr) -> SmolStr {
    let IpAddr::V4(v4) = ip else { return format_smolstr!("{prefix}{ip}") };
    let mut text: SmallVec<[u8; 32]> = SmallVec::from_slice(prefix.as_bytes());
    for (place, octet) in v4.octets().into_iter().enumerate() {
        if place > 0 {
            text.push(b'.');
        }
        if octet >= 100 {
            text.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            text.push(b'0' + octet / 10 % 10);
        }
        text.push(b'0' + octet % 10);
    }
    std::str::from_utf8(&text).map(SmolStr::new).unwrap_or_default()
}

impl Serialize for CallerKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CallerKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a caller key"))
    }
}

impl schemars::JsonSchema for CallerKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CallerKey".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(identity:.+/.+|ip:.+)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_and_read_back() {
        for text in
            ["identity:partners/acme", "identity:customers/a/b", "ip:203.0.113.9", "ip:2001:db8:1:2::/64"]
        {
            assert_eq!(CallerKey::parse(text).map(|key| key.to_string()).as_deref(), Some(text));
        }
        assert_eq!(
            CallerKey::parse("203.0.113.9").map(|key| key.to_string()).as_deref(),
            Some("ip:203.0.113.9")
        );
        for text in ["", "identity:", "identity:x", "ip:", "ip:example"] {
            assert_eq!(CallerKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_ipv6_caller_is_its_network_and_a_mapped_address_is_ipv4() {
        let key = |text: &str| text.parse().map(|ip| CallerKey::address(ip).to_string()).unwrap_or_default();
        assert_eq!(key("2001:db8:1:2:aaaa::1"), "ip:2001:db8:1:2::/64");
        assert_eq!(key("::ffff:203.0.113.9"), "ip:203.0.113.9");
    }

    #[test]
    fn addresses_are_joined_as_they_are_formatted() {
        for text in ["0.0.0.0", "10.0.255.99", "100.101.110.9", "255.255.255.255", "2001:db8::1"] {
            let written = text.parse().map(|ip| address_text("ip:", ip));
            assert_eq!(written, Ok(format_smolstr!("ip:{text}")));
        }
    }
}
