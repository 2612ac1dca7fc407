//! Hosts: `name[:port]` as `Host`, `:authority` and targets carry it (RFC 3986 §3.2.2, RFC 9110 §7.2).
//!
//! Stricter than the grammar: names of letters, digits, `-`, `_` and single dots, IPv4 addresses, bracketed IPv6
//! addresses; no user information, no percent-encoding, no empty port.

use std::net::Ipv6Addr;

use portcullis_model::Scheme;
use smol_str::SmolStr;

use crate::defect::Defect;

/// The longest host name, in bytes (RFC 1035 §2.3.4), a trailing dot included.
const NAME_BYTES: usize = 254;

/// A host and the port written with it, as they stand in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// The name, an IPv4 address, or an IPv6 address in its brackets.
    host: &'a str,
    /// The port, where one is written.
    pub(crate) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `name[:port]`.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, Defect> {
        let text = std::str::from_utf8(text).map_err(|_| Defect::MalformedHost)?;
        let host_ends = match text.strip_prefix('[') {
            Some(inside) => inside.find(']').map(|at| at + 2).ok_or(Defect::MalformedHost)?,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, port) = text.split_at_checked(host_ends).ok_or(Defect::MalformedHost)?;
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(parse_port(digits).ok_or(Defect::MalformedHost)?),
            None if port.is_empty() => None,
            None => return Err(Defect::MalformedHost),
        };
        if is_host(host) { Ok(Self { host, port }) } else { Err(Defect::MalformedHost) }
    }

    /// The host in lower case without a trailing dot; IPv6 addresses in their canonical form (RFC 5952), bracketed.
    pub(crate) fn normal_host(&self) -> SmolStr {
        if let Some(address) = bracketed(self.host) {
            return smol_str::format_smolstr!("[{address}]");
        }
        let host = self.host.strip_suffix('.').unwrap_or(self.host);
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            host.chars().map(|letter| letter.to_ascii_lowercase()).collect()
        } else {
            SmolStr::new(host)
        }
    }

    /// Whether both name the same host and port; a port left out is the default one.
    pub(crate) fn same(&self, other: &Self, default_port: u16) -> bool {
        self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
            && (self.host == other.host || self.normal_host() == other.normal_host())
    }
}

/// The port that is meant when none is written.
pub(crate) const fn default_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}

fn parse_port(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

fn is_host(host: &str) -> bool {
    if host.starts_with('[') {
        return bracketed(host).is_some();
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let mut previous = b'.';
    let fine = name.bytes().all(|byte| {
        let here =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && previous != b'.');
        previous = byte;
        here
    });
    fine && previous != b'.' && host.len() <= NAME_BYTES
}

fn bracketed(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_their_normal_form() {
        for (text, host, port) in [
            ("Shop.Example", "shop.example", None),
            ("shop.example.:8080", "shop.example", Some(8080)),
            ("a_b-c.1", "a_b-c.1", None),
            ("127.0.0.1:65535", "127.0.0.1", Some(65535)),
            ("[::1]:80", "[::1]", Some(80)),
            ("[2001:DB8:0::0:1]", "[2001:db8::1]", None),
        ] {
            let authority = Authority::parse(text.as_bytes()).unwrap();
            assert_eq!((&*authority.normal_host(), authority.port), (host, port), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_host() {
        let long = "a".repeat(255);
        for text in [
            "",
            ".",
            "a..b",
            ".a",
            "a:",
            "a:0x50",
            "a:65536",
            "a:-1",
            "a:80:80",
            "user@a",
            "a/b",
            "a?b",
            "a b",
            "a,b",
            "a%41",
            "[::1",
            "::1",
            "[::1]x",
            "[fe80::1%25eth0]",
            "[v1.x]",
            "h\u{f6}st",
            "a\\b",
            "a:+80",
            &long,
        ] {
            assert_eq!(Authority::parse(text.as_bytes()), Err(Defect::MalformedHost), "{text:?}");
        }
        assert_eq!(Authority::parse(b"a\xff"), Err(Defect::MalformedHost));
    }

    #[test]
    fn sameness_ignores_case_default_port_and_trailing_dot() {
        let same = |a: &str, b: &str| {
            Authority::parse(a.as_bytes()).unwrap().same(&Authority::parse(b.as_bytes()).unwrap(), 80)
        };
        assert!(same("a.b", "A.B:80") && same("a.b.", "a.b") && same("[::1]", "[0::1]:80"));
        assert!(!same("a.b", "a.c") && !same("a.b", "a.b:8080"));
    }
}
