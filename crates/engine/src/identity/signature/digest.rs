//! What a body must be: its digests as a field names them (RFC 9530).

use aws_lc_rs::digest::{Algorithm, SHA256, SHA512, digest};
use sfv::ListEntry;

use super::super::Presented;

/// The digests of a body, at least one, all by algorithms that are good enough.
#[derive(Debug)]
pub(crate) struct Digest(Vec<(&'static Algorithm, Vec<u8>)>);

impl Digest {
    /// Reads `Content-Digest`; weak and unknown algorithms count for nothing.
    pub(super) fn read(presented: &Presented<'_>) -> Option<Self> {
        let named = super::dictionary(presented, "content-digest")?;
        let mut digests = Vec::new();
        for (name, value) in &named {
            let algorithm = match name.as_str() {
                "sha-256" => &SHA256,
                "sha-512" => &SHA512,
                _ => continue,
            };
            let ListEntry::Item(item) = value else { return None };
            digests.push((algorithm, item.bare_item.as_byte_sequence()?.to_vec()));
        }
        (!digests.is_empty()).then_some(Self(digests))
    }

    /// Whether all of them are those of `body`.
    pub(crate) fn is_of(&self, body: &[u8]) -> bool {
        self.0.iter().all(|(algorithm, expected)| digest(algorithm, body).as_ref() == expected.as_slice())
    }
}
