//! Content codings (RFC 9110 §8.4): undone within limits on output and ratio.
//!
//! Invariants: no more than the output limit is ever held; a damaged body gives what could be read and a defect.
//! Deliberately absent: encoding.

mod inflate;
#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use portcullis_model::Headers;
use ruzstd::decoding::StreamingDecoder;
use smallvec::SmallVec;

use crate::content::inflate::Inflate;
use crate::defect::{Defect, Defects};
use crate::grammar::list;

/// A content coding known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without its wrapper as some servers send it.
    Deflate,
    /// RFC 7932.
    Br,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// The coding of that name, in any case; also the `x-` name of gzip.
    pub fn parse(name: &[u8]) -> Option<Self> {
        let known = [Self::Identity, Self::Gzip, Self::Deflate, Self::Br, Self::Zstd];
        let name = if name.eq_ignore_ascii_case(b"x-gzip") { b"gzip" } else { name };
        known.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.as_str().as_bytes()))
    }

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The codings of a message in the order they were applied.
pub type Codings = SmallVec<[Coding; 2]>;

/// Bounds on undoing codings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The most bytes of output.
    pub output_bytes: usize,
    /// The most bytes of output for each byte of input, once the output is past 64 KiB.
    pub ratio: u32,
}

/// A body with its codings undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What could be read within the limits.
    pub bytes: Bytes,
    /// Why it is not everything.
    pub defects: Defects,
}

/// The codings a message's `Content-Encoding` fields name.
pub fn codings(headers: &Headers) -> Result<Codings, Defect> {
    let mut named = Codings::new();
    for name in headers.all("content-encoding").flat_map(list) {
        match Coding::parse(name).ok_or(Defect::UnknownCoding)? {
            Coding::Identity => {}
            _ if named.len() == 2 => return Err(Defect::TooManyCodings),
            coding => named.push(coding),
        }
    }
    Ok(named)
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { output_bytes: 8 << 20, ratio: 200 }
    }
}

/// Output up to which the ratio does not count: small bodies of one repeated letter are no bombs.
const RATIO_FROM: usize = 64 * 1024;
/// Bytes decoded in one go.
const STEP: usize = 16 * 1024;
/// The largest window a zstd frame may ask for (RFC 8878 §3.1.1.1.2 recommends to support 8 MiB).
const ZSTD_WINDOW: u64 = 8 << 20;
/// The largest ring buffer of a brotli stream is bounded by the format (16 MiB); its input is read in such pieces.
const BROTLI_INPUT: usize = 4096;

/// Members of a gzip file or frames of zstd that are read; what stands behind them is left over. An empty one is a dozen
/// bytes, and opening it costs as much as decoding thousands.
const MEMBERS: usize = 1000;

/// Undoes codings, the last applied first.
pub fn decode(bytes: &Bytes, codings: &[Coding], limits: &DecodeLimits) -> Decoded {
    let mut decoded = Decoded { bytes: bytes.clone(), defects: Defects::new() };
    for coding in codings.iter().rev() {
        let mut output = Output::new(bytes.len(), limits);
        let input = std::mem::take(&mut decoded.bytes);
        let outcome = match coding {
            Coding::Identity => {
                decoded.bytes = input;
                continue;
            }
            Coding::Gzip => gunzip(&input, &mut output),
            Coding::Deflate => inflate(&input, &mut output),
            Coding::Br => unbrotli(&input, &mut output),
            Coding::Zstd => unzstd(&input, &mut output),
        };
        decoded.bytes = output.bytes.into();
        if let Err(defect) = outcome {
            decoded.defects.push(defect);
        }
    }
    decoded
}

/// Decoded bytes within limits.
struct Output {
    bytes: Vec<u8>,
    /// The most bytes, and the defect of more.
    most: usize,
    beyond: Defect,
}

impl Output {
    fn new(input_bytes: usize, limits: &DecodeLimits) -> Self {
        let by_ratio = input_bytes.saturating_mul(limits.ratio as usize).max(RATIO_FROM);
        let (most, beyond) = if by_ratio < limits.output_bytes {
            (by_ratio, Defect::DecodedRatio)
        } else {
            (limits.output_bytes, Defect::DecodedTooLarge)
        };
        Self { bytes: Vec::new(), most, beyond }
    }

    /// Reads a decoder to its end.
    fn drain(&mut self, decoder: &mut impl Read) -> Result<(), Defect> {
        loop {
            let start = self.bytes.len();
            // One byte beyond the limit tells a body that just fits from one that does not.
            let step = STEP.min((self.most + 1).saturating_sub(start));
            self.bytes.resize(start + step, 0);
            let read = decoder.read(self.bytes.get_mut(start..).unwrap_or_default());
            self.bytes.truncate(start + read.as_ref().copied().unwrap_or(0));
            if self.bytes.len() > self.most {
                self.bytes.truncate(self.most);
                return Err(self.beyond);
            }
            match read {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(Defect::TruncatedCoding);
                }
                Err(_) => return Err(Defect::CorruptCoding),
            }
        }
    }
}

/// Every member of a gzip file (RFC 1952 §2.2).
fn gunzip(input: &[u8], output: &mut Output) -> Result<(), Defect> {
    let mut rest = input;
    for _ in 0..MEMBERS {
        output.drain(&mut GzDecoder::new(&mut rest))?;
        match rest {
            [] => return Ok(()),
            [0x1f, 0x8b, ..] => {}
            _ => break,
        }
    }
    Err(Defect::TrailingCoded)
}

/// zlib where its header says so, else raw deflate.
fn inflate(input: &[u8], output: &mut Output) -> Result<(), Defect> {
    let mut decoder = Inflate::new(input);
    output.drain(&mut decoder)?;
    if decoder.rest().is_empty() { Ok(()) } else { Err(Defect::TrailingCoded) }
}

fn unbrotli(input: &[u8], output: &mut Output) -> Result<(), Defect> {
    let mut rest = Watched { rest: input, ran_out: false };
    let mut decoder = brotli::Decompressor::new(&mut rest, BROTLI_INPUT);
    match output.drain(&mut decoder) {
        Ok(()) => {}
        Err(Defect::CorruptCoding) if decoder.get_ref().ran_out => return Err(Defect::TruncatedCoding),
        Err(defect) => return Err(defect),
    }
    // Behind its end the decoder says once that there is nothing more, then whether it holds bytes it did not use.
    let unused = decoder.read(&mut [0]).is_err();
    if unused || !rest.rest.is_empty() { Err(Defect::TrailingCoded) } else { Ok(()) }
}

/// Every frame, skippable ones left out (RFC 8878 §3.1).
fn unzstd(input: &[u8], output: &mut Output) -> Result<(), Defect> {
    let mut rest = input;
    let mut frames = 0;
    loop {
        match rest {
            [] if rest.len() < input.len() => return Ok(()),
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, content @ ..] => {
                let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
                rest = content.get(length..).ok_or(Defect::TruncatedCoding)?;
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] if frames < MEMBERS => {
                frames += 1;
                unzstd_frame(&mut rest, output)?;
            }
            _ if rest.len() < 4 => return Err(Defect::TruncatedCoding),
            _ if rest.len() < input.len() => return Err(Defect::TrailingCoded),
            _ => return Err(Defect::CorruptCoding),
        }
    }
}

fn unzstd_frame(rest: &mut &[u8], output: &mut Output) -> Result<(), Defect> {
    let mut input = Watched { rest, ran_out: false };
    let opened = StreamingDecoder::new_with_max_window_size(&mut input, ZSTD_WINDOW);
    let outcome = match opened {
        Ok(mut decoder) => output.drain(&mut decoder).and_then(|()| {
            let decoder = decoder.into_frame_decoder();
            let told = decoder.get_checksum_from_data();
            let fits = told.is_none() || told == decoder.get_calculated_checksum();
            if fits { Ok(()) } else { Err(Defect::CorruptCoding) }
        }),
        Err(_) => Err(Defect::CorruptCoding),
    };
    *rest = input.rest;
    match outcome {
        Err(Defect::CorruptCoding) if input.ran_out => Err(Defect::TruncatedCoding),
        outcome => outcome,
    }
}

/// Bytes that remember whether more of them were wanted than there are.
struct Watched<'a> {
    rest: &'a [u8],
    ran_out: bool,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.rest.read(buffer)?;
        self.ran_out |= read < buffer.len() && self.rest.is_empty() && read == 0;
        Ok(read)
    }
}
