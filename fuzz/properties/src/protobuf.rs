//! Protocol buffers: whatever is guessed, values lie inside the body and inside what holds them.

use bytes::Bytes;
use portcullis_wire::body::{Budget, Value, parse};
use portcullis_wire::fields::MediaType;

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let media_type = MediaType::parse(b"application/x-protobuf");
    let budget = Budget { bytes: 1 << 16, depth: 40, values: 500, value_bytes: 1 << 12 };
    let body = parse(&Bytes::copy_from_slice(input), media_type.as_ref(), &budget);
    assert!(body.tree.len() <= 500);
    if let Some(root) = body.tree.root() {
        lies_within(root, &(0..input.len()));
    }
}

fn lies_within(value: Value<'_>, within: &std::ops::Range<usize>) {
    let span = value.span();
    assert!(span.start >= within.start && span.end <= within.end);
    value.children().for_each(|child| lies_within(child, &span));
}
