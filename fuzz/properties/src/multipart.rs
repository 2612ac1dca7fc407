//! Multipart bodies: parts lie behind each other inside the body, and their fields can be read again.

use bytes::Bytes;
use portcullis_wire::body::{Budget, Flaw, parse, part_fields};
use portcullis_wire::fields::MediaType;

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    // The first line is the Content-Type, so that boundaries are tried, too.
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (declared, bytes) = input.split_at(line);
    let Some(media_type) = MediaType::parse_beginning(declared) else { return };
    let bytes = Bytes::copy_from_slice(bytes.get(1..).unwrap_or_default());
    let budget = Budget { bytes: 1 << 16, depth: 40, values: 500, value_bytes: 1 << 12 };
    let body = parse(&bytes, Some(&media_type), &budget);
    let Some(facts) = body.multipart.as_deref() else { return };
    assert!(!facts.mixes_line_ends() || facts.has(Flaw::LfLine));
    let Some(root) = body.tree.root() else { return };
    let mut behind = 0;
    for part in root.children() {
        let span = part.span();
        assert!(span.start >= behind && span.end <= bytes.len());
        assert_eq!(bytes.get(span.clone()), Some(part.bytes()));
        behind = span.end;
        let Some(said) = part.part() else { continue };
        for field in part_fields(said.head) {
            assert!(!field.contains(&b'\n') && field.len() <= said.head.len());
        }
        let _ = (part.name_bytes(), said.file_name, said.file_name_bytes, said.media_type);
    }
}
