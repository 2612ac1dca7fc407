//! XML: what is picked lies inside the document, nothing grows, and every path visits a value once at most.

use bytes::Bytes;
use portcullis_wire::Defect;
use portcullis_wire::body::{Budget, XPath, parse};
use portcullis_wire::fields::MediaType;

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    // The first line is a path.
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (path, text) = input.split_at(line);
    let bytes = Bytes::copy_from_slice(text.get(1..).unwrap_or_default());
    let media_type = MediaType::parse(b"application/xml");
    let budget = Budget { bytes: 1 << 16, depth: 40, values: 500, value_bytes: 1 << 12 };
    let body = parse(&bytes, media_type.as_ref(), &budget);
    assert!(body.tree.len() <= 500);
    // In UTF-8 a body of UTF-16 may be half as long again, and places are those in that.
    let most = bytes.len() * 3 / 2;
    body.tree.for_each_leaf(|_, value| {
        let in_another_coding = body.defects.contains(&Defect::BodyEncoding);
        assert!(bytes.get(value.span()).is_some() || in_another_coding && value.span().end <= most);
        // Undoing references never makes a text longer.
        assert!(value.bytes().len() <= value.span().len());
    });
    let given = std::str::from_utf8(path).ok().and_then(XPath::parse);
    let usual = ["/*", "//@*", "//*//text()"].into_iter().filter_map(XPath::parse);
    for path in usual.chain(given) {
        let (mut picked, mut content) = (0, Vec::new());
        path.select(&body.tree, &mut |value| {
            picked += 1;
            content.clear();
            value.text_content(&mut content);
            assert!(content.len() <= most);
        });
        assert!(picked <= body.tree.len());
    }
    body.tree.shape();
    drop(body.tree.to_json());
}
