//! GraphQL: what a document asks for is bounded, and the same document inside JSON asks for the same.

use bytes::Bytes;
use portcullis_wire::body::{Budget, graphql, parse};
use portcullis_wire::fields::MediaType;

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let budget = Budget { bytes: 1 << 16, depth: 40, values: 500, value_bytes: 1 << 12 };
    let document = graphql::parse(&bytes, &budget);
    assert!(document.tree.len() <= 500);
    document.tree.for_each_leaf(|_, value| {
        assert!(bytes.get(value.span()).is_some());
        let _ = (value.as_str(), value.as_f64());
    });
    let asked = document.graphql.as_deref().copied().filter(|facts| facts.operations > 0);
    let json = serde_json::json!({ "query": text }).to_string();
    let json = parse(&Bytes::from(json), MediaType::parse(b"application/json").as_ref(), &Budget::default());
    assert_eq!(graphql::facts(&json, &budget), asked);
}
