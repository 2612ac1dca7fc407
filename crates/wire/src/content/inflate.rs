//! Deflate streams with or without zlib's wrapper, whose early end is seen.
//!
//! flate2's readers take the end of their input for the end of the stream; this one does not.

use std::io::{self, ErrorKind, Read};

use flate2::{Decompress, FlushDecompress, Status};

/// A deflate stream being decoded.
pub(super) struct Inflate<'a> {
    raw: Decompress,
    rest: &'a [u8],
    done: bool,
}

impl<'a> Inflate<'a> {
    /// Over a whole stream: zlib's if its first two bytes are a zlib header (RFC 1950 §2.2), else raw.
    pub(super) fn new(input: &'a [u8]) -> Self {
        let wrapped = matches!(input, [method, flags, ..]
            if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0);
        Self { raw: Decompress::new(wrapped), rest: input, done: false }
    }

    /// What follows the part of the input read so far.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.done && !buffer.is_empty() {
            let (read, written) = (self.raw.total_in(), self.raw.total_out());
            let status =
                self.raw.decompress(self.rest, buffer, FlushDecompress::None).map_err(io::Error::other)?;
            let (read, written) = (self.raw.total_in() - read, self.raw.total_out() - written);
            self.rest = self.rest.get(read as usize..).unwrap_or_default();
            self.done = matches!(status, Status::StreamEnd);
            if written > 0 {
                return Ok(written as usize);
            }
            if !self.done && (self.rest.is_empty() || read == 0) {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}
