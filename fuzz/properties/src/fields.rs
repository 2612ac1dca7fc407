//! Readers of single fields: nothing panics, and what is derived from a field stays within what it said.

use bytes::Bytes;
use portcullis_model::{Headers, RequestHead, Scheme, Version};
use portcullis_wire::fields::{self, AddressSource, MediaType};
use portcullis_wire::framing::h2;

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let value = Bytes::copy_from_slice(input);
    let headers: Headers = ["cookie", "accept", "accept-encoding", "x-forwarded-for", "forwarded", "host"]
        .into_iter()
        .map(|name| (name, value.clone()))
        .collect();
    fields::cookies(&headers).for_each(drop);
    fields::preferred(&headers, &["application/json", "text/html"]);
    assert!(fields::restrict_codings(&headers).is_ascii());
    let peer = std::net::Ipv4Addr::LOCALHOST.into();
    for source in [AddressSource::List("x-forwarded-for"), AddressSource::Forwarded] {
        assert_eq!(fields::client_address(&headers, source, peer, |_| false), peer);
        fields::client_address(&headers, source, peer, |_| true);
    }
    if let Some(ranges) = fields::byte_ranges(&value) {
        for (start, length) in ranges.iter().filter_map(|range| range.within(1000)) {
            assert!(start + length <= 1000 && length > 0);
        }
    }
    MediaType::parse(&value);
    h2::check(&RequestHead {
        method: http::Method::GET,
        target: value.clone(),
        authority: Some(value),
        version: Version::Http2,
        scheme: Scheme::Https,
        headers,
    });
}
