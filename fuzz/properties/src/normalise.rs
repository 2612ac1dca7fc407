//! Targets: a normal form stays as it is, has no dot segments, and is one the http crate can forward.

use bytes::Bytes;
use portcullis_model::{RequestHead, Scheme, Version};
use portcullis_wire::segments::classify;
use portcullis_wire::{EncodedSlash, Normal, normalise};

/// Holds the property of this module against one input.
pub fn check(target: &[u8]) {
    for encoded_slash in [EncodedSlash::Keep, EncodedSlash::Refuse, EncodedSlash::Decode] {
        let once = read(target, encoded_slash);
        let twice = read(once.target.as_str().as_bytes(), encoded_slash);
        assert_eq!(once.target.as_str(), twice.target.as_str());
        assert!(once.segments().eq(twice.segments()));
        if once.path().starts_with('/') && once.target.as_str().len() < 60_000 {
            assert!(once.target.as_str().parse::<http::uri::PathAndQuery>().is_ok());
            assert!(!once.path().split('/').any(|segment| segment == "." || segment == ".."));
            assert_eq!(once.path().split('/').count(), once.segments().len() + 1);
        }
        once.segments().for_each(|segment| {
            classify(segment);
        });
        once.query().pairs().for_each(drop);
    }
}

fn read(target: &[u8], encoded_slash: EncodedSlash) -> Normal {
    let head = RequestHead {
        method: http::Method::GET,
        target: Bytes::copy_from_slice(target),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Http,
        headers: [("host", "a.example")].into_iter().collect(),
    };
    normalise(&head, encoded_slash)
}
