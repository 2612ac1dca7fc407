//! Bodies of every type: values lie inside the body, budgets hold, nothing panics. The first byte chooses the type.

use bytes::Bytes;
use portcullis_wire::body::{Budget, parse};
use portcullis_wire::fields::MediaType;

const TYPES: [&str; 5] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=B",
    "multipart/mixed; boundary=B",
    "text/plain",
];

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let Some(media_type) = TYPES.get(usize::from(*choice) % TYPES.len()) else { return };
    let budget = Budget { bytes: 1 << 16, depth: 40, values: 500, value_bytes: 1 << 12 };
    let bytes = Bytes::copy_from_slice(bytes);
    let body = parse(&bytes, MediaType::parse(media_type.as_bytes()).as_ref(), &budget);
    assert!(body.tree.len() <= 500);
    body.tree.for_each_leaf(|path, value| {
        assert!(bytes.get(value.span()).is_some());
        let _ = (path.len(), value.as_str(), value.as_f64(), value.part());
    });
    body.tree.shape();
    let ours = body.tree.to_json();
    drop(ours);
}
