//! The client's address behind trusted proxies: `X-Forwarded-For`, `Forwarded` (RFC 7239), or a field of one address.
//!
//! Hops are read from the right, the end our own proxies write: the client is the rightmost hop that is not trusted.
//! What stands further left is the client's own word and never believed.

use std::net::{IpAddr, SocketAddr};

use portcullis_model::Headers;
use smallvec::SmallVec;

use crate::fields::media_type::unquote;
use crate::grammar::trim;

/// Where proxies in front of the gateway write whom they forward for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSource<'a> {
    /// A list of addresses in a field of that name (lower case): `x-forwarded-for`, or one address: `x-real-ip`.
    List(&'a str),
    /// The `for` parameters of `Forwarded`.
    Forwarded,
}

/// The client's address: the rightmost hop that is not trusted, the peer being the last hop.
///
/// Where a trusted hop names someone unreadable (`unknown`, an obfuscated name, garbage), that hop itself is taken;
/// where every hop is trusted, the leftmost.
pub fn client_address(
    headers: &Headers,
    source: AddressSource<'_>,
    peer: IpAddr,
    trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let name = match source {
        AddressSource::List(name) => name,
        AddressSource::Forwarded => "forwarded",
    };
    // Fields of one name form one list, later ones further right (RFC 9110 §5.3).
    let fields: SmallVec<[&[u8]; 4]> = headers.all(name).collect();
    for field in fields.into_iter().rev() {
        for hop in field.rsplit(|byte| *byte == b',') {
            if !trusted(client) {
                return client;
            }
            let hop = trim(hop);
            if hop.is_empty() {
                continue;
            }
            let named = match source {
                AddressSource::List(_) => parse_hop(hop),
                AddressSource::Forwarded => forwarded_for(hop),
            };
            match named {
                Some(address) => client = address.to_canonical(),
                None => return client,
            }
        }
    }
    client
}

/// The `for` of one element of `Forwarded`; `None` if it is absent, repeated or names no address.
fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut named = None;
    for pair in element.split(|byte| *byte == b';').map(trim) {
        let Some((b"=", value)) = pair.get(3..).and_then(|rest| rest.split_at_checked(1)) else { continue };
        if pair.get(..3).is_some_and(|name| name.eq_ignore_ascii_case(b"for"))
            && named.replace(value).is_some()
        {
            return None;
        }
    }
    match named? {
        [b'"', quoted @ ..] => {
            unquote(quoted).filter(|(_, rest)| rest.is_empty()).and_then(|(hop, _)| parse_hop(hop.as_bytes()))
        }
        hop => parse_hop(hop),
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok().filter(IpAddr::is_ipv6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: AddressSource<'_>, fields: &[(&'static str, &'static str)], expected: &str) {
        let headers: Headers = fields.iter().copied().collect();
        let trusted = |ip: IpAddr| ip.to_string().starts_with("10.") || ip.to_string() == "2001:db8::1";
        let client = client_address(&headers, source, "10.0.0.1".parse().unwrap(), trusted);
        assert_eq!(client.to_string(), expected, "{fields:?}");
    }

    #[test]
    fn the_rightmost_untrusted_hop_is_the_client() {
        let xff = AddressSource::List("x-forwarded-for");
        check(xff, &[], "10.0.0.1");
        check(xff, &[("X-Forwarded-For", "192.0.2.1")], "192.0.2.1");
        check(xff, &[("X-Forwarded-For", "1.2.3.4, 192.0.2.1, 10.0.0.2")], "192.0.2.1");
        check(xff, &[("X-Forwarded-For", "1.2.3.4"), ("x-forwarded-for", "192.0.2.1")], "192.0.2.1");
        check(xff, &[("X-Forwarded-For", "192.0.2.1:4711, [2001:db8::1]:80")], "192.0.2.1");
        check(xff, &[("X-Forwarded-For", "1.2.3.4, unknown, 10.0.0.2")], "10.0.0.2");
        check(xff, &[("X-Forwarded-For", "10.0.0.3, 10.0.0.2,")], "10.0.0.3");
        check(xff, &[("X-Forwarded-For", "::ffff:192.0.2.1")], "192.0.2.1");
        check(xff, &[("X-Forwarded-For", "1.2.3.4 192.0.2.1")], "10.0.0.1");
        check(AddressSource::List("x-real-ip"), &[("X-Real-IP", "192.0.2.9")], "192.0.2.9");
    }

    #[test]
    fn forwarded_elements_name_their_hop() {
        let forwarded = AddressSource::Forwarded;
        check(
            forwarded,
            &[("Forwarded", "for=192.0.2.43, For=\"[2001:db8::1]:4711\";proto=https")],
            "192.0.2.43",
        );
        check(forwarded, &[("Forwarded", "by=10.0.0.9;FOR=192.0.2.1")], "192.0.2.1");
        check(forwarded, &[("Forwarded", "for=_hidden")], "10.0.0.1");
        check(forwarded, &[("Forwarded", "for=1.2.3.4;for=5.6.7.8")], "10.0.0.1");
        check(forwarded, &[("Forwarded", "for=\"192.0.2.1, for=10.0.0.2")], "10.0.0.2");
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_says() {
        let headers: Headers = [("x-forwarded-for", "1.2.3.4")].into_iter().collect();
        let peer: IpAddr = "198.51.100.7".parse().unwrap();
        assert_eq!(client_address(&headers, AddressSource::List("x-forwarded-for"), peer, |_| false), peer);
    }
}
