//! Content codings: no input gives more than the limits, or panics. The first byte chooses the coding.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use portcullis_wire::content::{Coding, DecodeLimits, decode};

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Br, Coding::Zstd];

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let Some(coding) = CODINGS.get(usize::from(*choice) % CODINGS.len()) else { return };
    let limits = DecodeLimits { output_bytes: 1 << 18, ratio: 1000 };
    let decoded = decode(&Bytes::copy_from_slice(bytes), &[*coding], &limits);
    assert!(decoded.bytes.len() <= limits.output_bytes);
});
