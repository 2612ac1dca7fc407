//! Forms: the tree has the very pairs that splitting and decoding give.

use bytes::Bytes;
use portcullis_wire::Defect;
use portcullis_wire::body::{Budget, parse};
use portcullis_wire::fields::MediaType;
use portcullis_wire::urlencoded::{Escapes, decode, decode_into, pairs};

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let media_type = MediaType::parse(b"application/x-www-form-urlencoded");
    let body = parse(&Bytes::copy_from_slice(input), media_type.as_ref(), &Budget::default());
    let Some(root) = body.tree.root() else { return };
    let (mut read, mut valid) = (root.children(), true);
    for pair in pairs(input, b'&').take(Budget::default().values as usize - 1) {
        let Some(value) = read.next() else { panic!("a pair is missing") };
        assert_eq!(value.name_bytes(), &*decode(pair.name));
        assert_eq!(value.bytes(), &*decode(pair.value));
        assert_eq!(value.as_str(), Some(&*String::from_utf8_lossy(&decode(pair.value))));
        for text in [pair.name, pair.value] {
            valid &= decode_into(text, &mut Vec::new()) == Escapes::Valid;
        }
    }
    assert!(read.next().is_none());
    assert_eq!(body.defects.contains(&Defect::FormEscape), !valid);
}
