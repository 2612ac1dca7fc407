//! Content codings: no input gives more than the limits, or panics. The first byte chooses the coding.

use bytes::Bytes;
use portcullis_wire::content::{Coding, DecodeLimits, decode};

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Br, Coding::Zstd];

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let Some((choice, bytes)) = input.split_first() else { return };
    let Some(coding) = CODINGS.get(usize::from(*choice) % CODINGS.len()) else { return };
    let limits = DecodeLimits { output_bytes: 1 << 18, ratio: 1000 };
    let decoded = decode(&Bytes::copy_from_slice(bytes), &[*coding], &limits);
    assert!(decoded.bytes.len() <= limits.output_bytes);
}
