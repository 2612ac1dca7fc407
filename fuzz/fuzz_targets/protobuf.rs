//! Protocol buffers: whatever is guessed, values lie inside the body and inside what holds them.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use portcullis_wire::body::{Budget, Value, parse};
use portcullis_wire::fields::MediaType;

fn check(value: Value<'_>, within: std::ops::Range<usize>) {
    let span = value.span();
    assert!(span.start >= within.start && span.end <= within.end);
    value.children().for_each(|child| check(child, span.clone()));
}

fuzz_target!(|input: &[u8]| {
    let media_type = MediaType::parse(b"application/x-protobuf");
    let budget = Budget { bytes: 1 << 16, depth: 40, values: 500, value_bytes: 1 << 12 };
    let body = parse(&Bytes::copy_from_slice(input), media_type.as_ref(), &budget);
    assert!(body.tree.len() <= 500);
    if let Some(root) = body.tree.root() {
        check(root, 0..input.len());
    }
});
