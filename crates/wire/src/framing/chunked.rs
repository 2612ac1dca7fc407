//! Following a body to its end: by length, in chunks (RFC 9112 §7.1), or to the end of the connection.
//!
//! Chunk lines are read byte by byte and as strictly as heads: no white space, no bare line ends, bounded
//! extensions; trailers are fields that do not frame, route or authenticate. A defect is met at the byte that makes
//! it, before that byte is released.

use crate::defect::Defect;
use crate::framing::BodyLength;
use crate::framing::field::split_field;
use crate::framing::limits::FramingLimits;
use crate::grammar::{hex_digit, is_token_byte};

/// The most hexadecimal digits of a chunk size: fewer than 2^60 bytes, far from any overflow.
const SIZE_DIGITS: u8 = 15;

/// A body being followed.
#[derive(Debug)]
pub(super) enum Following {
    /// That many bytes are left.
    Length(u64),
    /// In chunks.
    Chunked(Chunks),
    /// To the end of the connection.
    UntilClose,
    /// Complete.
    Done,
}

impl Following {
    /// The state at the start of such a body.
    pub(super) fn new(body: BodyLength) -> Self {
        match body {
            BodyLength::None => Self::Done,
            BodyLength::Length(bytes) => Self::Length(bytes),
            BodyLength::Chunked => Self::Chunked(Chunks::default()),
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    /// How many of the bytes belong to the body; fewer than all if it ends, or a defect stands, behind them.
    pub(super) fn feed(&mut self, bytes: &[u8], limits: &FramingLimits) -> (usize, Option<Defect>) {
        match self {
            Self::Done => (0, None),
            Self::UntilClose => (bytes.len(), None),
            Self::Length(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                (taken, None)
            }
            Self::Chunked(chunks) => {
                let (taken, defect) = chunks.feed(bytes, limits);
                if chunks.at == At::Done {
                    *self = Self::Done;
                }
                (taken, defect)
            }
        }
    }

    /// Whether nothing more belongs to the body.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// Where in a chunked body the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// In a chunk size of that many digits so far.
    #[default]
    Size,
    /// In extensions: behind `;`, in a name, behind `=`, in a token, in a quoted string, behind its end.
    ExtensionName,
    InExtensionName,
    ExtensionValue,
    InExtensionToken,
    InExtensionQuotes,
    ExtensionEscape,
    BehindQuotes,
    /// Behind the CR of a size line.
    SizeLineFeed,
    /// In the chunk's bytes.
    Bytes,
    /// Behind them.
    BytesCarriageReturn,
    BytesLineFeed,
    /// In the trailer section.
    Trailers,
    Done,
}

/// A chunked body being followed.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    digits: u8,
    left: u64,
    extension_bytes: usize,
    trailers: Trailers,
}

impl Chunks {
    fn feed(&mut self, bytes: &[u8], limits: &FramingLimits) -> (usize, Option<Defect>) {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match self.at {
                At::Done => break,
                At::Bytes => {
                    let step = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
                    self.left -= step as u64;
                    taken += step;
                    if self.left == 0 {
                        self.at = At::BytesCarriageReturn;
                    }
                }
                At::Trailers => {
                    let (step, defect) = self.trailers.feed(rest, limits);
                    taken += step;
                    if defect.is_some() {
                        return (taken, defect);
                    }
                    if self.trailers.done {
                        self.at = At::Done;
                    }
                }
                _ => {
                    let byte = rest.first().copied().unwrap_or_default();
                    match self.step(byte, limits) {
                        Ok(next) => self.at = next,
                        Err(defect) => return (taken, Some(defect)),
                    }
                    taken += 1;
                }
            }
        }
        (taken, None)
    }

    /// One byte of a size line or of a chunk's end.
    fn step(&mut self, byte: u8, limits: &FramingLimits) -> Result<At, Defect> {
        match (self.at, byte) {
            (At::Size, _) => self.size(byte),
            (At::SizeLineFeed, b'\n') if self.left == 0 => Ok(At::Trailers),
            (At::SizeLineFeed, b'\n') => {
                self.digits = 0;
                Ok(At::Bytes)
            }
            (At::SizeLineFeed, _) => Err(Defect::BareCarriageReturn),
            (At::BytesCarriageReturn, b'\r') => Ok(At::BytesLineFeed),
            (At::BytesLineFeed, b'\n') => Ok(At::Size),
            (At::BytesCarriageReturn | At::BytesLineFeed, _) => Err(Defect::ChunkEnd),
            (at, _) => {
                if self.extension_bytes >= limits.chunk_extension_bytes {
                    return Err(Defect::ChunkExtension);
                }
                let next = extension(at, byte)?;
                self.extension_bytes += 1;
                Ok(next)
            }
        }
    }

    fn size(&mut self, byte: u8) -> Result<At, Defect> {
        if let Some(digit) = hex_digit(byte) {
            if self.digits >= SIZE_DIGITS {
                return Err(Defect::ChunkSize);
            }
            self.digits += 1;
            self.left = (self.left << 4) | u64::from(digit);
            return Ok(At::Size);
        }
        match byte {
            _ if self.digits == 0 => Err(Defect::ChunkSize),
            b'\r' => Ok(At::SizeLineFeed),
            b';' => Ok(At::ExtensionName),
            b'\n' => Err(Defect::BareLineFeed),
            _ => Err(Defect::ChunkSize),
        }
    }
}

/// One byte of a chunk's extensions: `*( ";" token [ "=" ( token / quoted-string ) ] )` and the line's CR.
fn extension(at: At, byte: u8) -> Result<At, Defect> {
    match (at, byte) {
        (At::InExtensionQuotes, b'"') => Ok(At::BehindQuotes),
        (At::InExtensionQuotes, b'\\') => Ok(At::ExtensionEscape),
        (At::InExtensionQuotes | At::ExtensionEscape, b'\t' | b' '..=b'~' | 0x80..) => {
            Ok(At::InExtensionQuotes)
        }
        (At::ExtensionName | At::InExtensionName, _) if is_token_byte(byte) => Ok(At::InExtensionName),
        (At::ExtensionValue | At::InExtensionToken, _) if is_token_byte(byte) => Ok(At::InExtensionToken),
        (At::InExtensionName, b'=') => Ok(At::ExtensionValue),
        (At::ExtensionValue, b'"') => Ok(At::InExtensionQuotes),
        (At::InExtensionName | At::InExtensionToken | At::BehindQuotes, b';') => Ok(At::ExtensionName),
        (At::InExtensionName | At::InExtensionToken | At::BehindQuotes, b'\r') => Ok(At::SizeLineFeed),
        (_, b'\n') => Err(Defect::BareLineFeed),
        _ => Err(Defect::ChunkExtension),
    }
}

/// A trailer section has fewer bytes than hyper's bound, which it would break a message off for without a word.
const TRAILER_BYTES: usize = 16 * 1024 - 4;

/// A trailer section being followed, a line at a time. A defect changes nothing: it is met again at the same byte, for
/// what stands before it is taken first.
#[derive(Debug, Default)]
struct Trailers {
    line: Vec<u8>,
    bytes: usize,
    fields: usize,
    done: bool,
}

impl Trailers {
    fn feed(&mut self, bytes: &[u8], limits: &FramingLimits) -> (usize, Option<Defect>) {
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty() && !self.done) {
            let line_feed = memchr::memchr(b'\n', rest);
            let step = line_feed.unwrap_or(rest.len());
            let room = limits.head_bytes.min(TRAILER_BYTES).saturating_sub(self.bytes);
            if step > room {
                self.bytes += room;
                return (taken + room, Some(Defect::TrailersTooLarge));
            }
            self.bytes += step;
            taken += step;
            self.line.extend_from_slice(rest.get(..step).unwrap_or_default());
            if line_feed.is_some() {
                match self.end_line(limits) {
                    Ok(()) => {
                        self.bytes += 1;
                        taken += 1;
                    }
                    Err(defect) => return (taken, Some(defect)),
                }
            }
        }
        (taken, None)
    }

    fn end_line(&mut self, limits: &FramingLimits) -> Result<(), Defect> {
        let line = self.line.strip_suffix(b"\r").ok_or(Defect::BareLineFeed)?;
        if line.is_empty() {
            self.done = true;
            return Ok(());
        }
        if self.fields >= limits.fields {
            return Err(Defect::TrailersTooLarge);
        }
        let name = split_field(line)?.name;
        if FORBIDDEN_TRAILERS.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) {
            return Err(Defect::TrailerField);
        }
        self.fields += 1;
        self.line.clear();
        Ok(())
    }
}

/// Fields that frame, route, authenticate or say how content is read: never in trailers (RFC 9110 §6.5.1).
const FORBIDDEN_TRAILERS: [&[u8]; 14] = [
    b"transfer-encoding",
    b"content-length",
    b"host",
    b"connection",
    b"upgrade",
    b"trailer",
    b"te",
    b"expect",
    b"content-encoding",
    b"content-type",
    b"content-range",
    b"authorization",
    b"cookie",
    b"set-cookie",
];
