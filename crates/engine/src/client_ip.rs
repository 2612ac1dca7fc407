//! The client's address behind proxies that policy trusts.
//!
//! Invariant: an address a client could have written itself is never believed. Reading the hops is `wire`'s.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_model::Headers;
use portcullis_wire::fields::{AddressSource, client_address};
use smol_str::SmolStr;

use crate::lists::Ranges;

/// Which header names the hops, and which proxies are believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientIp {
    /// The header, in lower case; absent if the peer is the client.
    pub(crate) header: Option<SmolStr>,
    /// The same, as a list of fields to remove where a stranger sends it.
    pub(crate) reserved: Arc<[SmolStr]>,
    pub(crate) trusted: Ranges,
}

impl ClientIp {
    /// The fields that nobody but a trusted proxy may send on: the site might believe them.
    pub(crate) fn reserved(&self, peer: IpAddr) -> Option<&Arc<[SmolStr]>> {
        (!self.trusted.contains(peer)).then_some(&self.reserved)
    }

    /// The client's address: the peer's unless it is a trusted proxy, else the rightmost hop that is not one.
    pub(crate) fn resolve(&self, peer: IpAddr, headers: &Headers) -> IpAddr {
        let Some(name) = &self.header else { return peer.to_canonical() };
        let source = match name.as_str() {
            "forwarded" => AddressSource::Forwarded,
            name => AddressSource::List(name),
        };
        client_address(headers, source, peer, |ip| self.trusted.contains(ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::Range;

    fn check(header: &str, peer: &str, values: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].iter().filter_map(|net| Range::parse(net));
        let client = ClientIp {
            header: Some(header.into()),
            reserved: Arc::default(),
            trusted: Ranges::compile(trusted),
        };
        let headers: Headers = values.iter().map(|value| (header.to_owned(), (*value).to_owned())).collect();
        client.resolve(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_client() {
        for (peer, values, client) in [
            ("203.0.113.1", &["198.51.100.1"][..], "203.0.113.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.1,10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1", &["1.1.1.1, junk"], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("fd00::1", &["198.51.100.1:4711"], "198.51.100.1"),
        ] {
            assert_eq!(check("x-forwarded-for", peer, values), client, "{peer} {values:?}");
        }
    }

    #[test]
    fn forwarded_elements_are_read_too() {
        let value = "for=1.1.1.1, for=\"[2001:db8::7]:80\";proto=https;by=10.0.0.9";
        assert_eq!(check("forwarded", "10.0.0.1", &[value]), "2001:db8::7");
        assert_eq!(check("forwarded", "10.0.0.1", &["for=_hidden"]), "10.0.0.1");
    }
}
