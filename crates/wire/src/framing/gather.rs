//! Collecting a head's bytes until its empty line, within limits.
//!
//! Lines are found as they come; the first one is read at once, so that what is not HTTP is refused early; fields are
//! read when all are there. Checks happen in the order of the bytes, so the outcome does not depend on how the
//! bytes were cut.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::defect::Defect;
use crate::framing::limits::FramingLimits;
use crate::framing::line::FirstLine;

/// Bytes taken in one go: what may be copied in vain when a head ends and a body follows.
const STEP: usize = 2048;

/// Offset behind the line feed of each line, the first line's included, the empty line's not.
pub(super) type LineEnds = SmallVec<[u32; 32]>;

/// A head with its first line read and its field lines found.
#[derive(Debug)]
pub(super) struct Section<F> {
    pub(super) first: F,
    pub(super) bytes: Bytes,
    pub(super) lines: LineEnds,
}

/// A head being collected.
#[derive(Debug)]
pub(super) struct Gather<F> {
    buffer: BytesMut,
    first: Option<F>,
    lines: LineEnds,
    scanned: usize,
    skipped: bool,
}

impl<F> Default for Gather<F> {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), first: None, lines: LineEnds::new(), scanned: 0, skipped: false }
    }
}

/// What became of the bytes: how many were taken, and the head if that completed it.
type Gathered<F> = (usize, Result<Option<Section<F>>, Defect>);

impl<F: FirstLine> Gather<F> {
    /// Whether no byte of a head has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The bytes of a head that is not complete.
    pub(super) fn so_far(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes bytes until the head is complete or they are used up.
    pub(super) fn feed(&mut self, bytes: &[u8], limits: &FramingLimits) -> Gathered<F> {
        let mut taken = 0;
        for piece in bytes.chunks(STEP) {
            let before = self.buffer.len();
            if before == 0 {
                self.buffer.reserve(piece.len().max(512));
            }
            self.buffer.extend_from_slice(piece);
            let skipped = self.skipped;
            match self.scan(limits) {
                Ok(None) => taken += piece.len(),
                Ok(Some(end)) => {
                    let dropped = if self.skipped && !skipped { 2 } else { 0 };
                    return (taken + end + dropped - before, Ok(self.take(end)));
                }
                Err(defect) => return (taken, Err(defect)),
            }
        }
        (taken, Ok(None))
    }

    /// Looks at the bytes not seen yet; gives where the head ends if it does.
    fn scan(&mut self, limits: &FramingLimits) -> Result<Option<usize>, Defect> {
        loop {
            let unseen = self.buffer.get(self.scanned..).unwrap_or_default();
            let Some(at) = memchr::memchr(b'\n', unseen) else {
                self.scanned = self.buffer.len();
                self.check_size(self.scanned + 1, limits)?;
                return Ok(None);
            };
            let end = self.scanned + at + 1;
            self.scanned = end;
            self.check_size(end, limits)?;
            if self.line(end, limits)? == Line::Last {
                return Ok(Some(end));
            }
        }
    }

    fn line(&mut self, end: usize, limits: &FramingLimits) -> Result<Line, Defect> {
        let start = self.line_start();
        let line = self.buffer.get(start..end).unwrap_or_default();
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Err(Defect::BareLineFeed);
        };
        match (&self.first, line.is_empty()) {
            (None, true) if F::SKIPS_EMPTY_LINE && !self.skipped => {
                self.skipped = true;
                let _ = self.buffer.split_to(end);
                self.scanned = 0;
                return Ok(Line::Skipped);
            }
            (None, _) => self.first = Some(F::parse(line, limits)?),
            (Some(_), true) => return Ok(Line::Last),
            (Some(_), false) => {
                if self.lines.len() > limits.fields {
                    return Err(Defect::TooManyFields);
                }
            }
        }
        self.lines.push(end as u32);
        Ok(Line::Kept)
    }

    /// `size` is what the head has at least; a line that has not ended has at least one byte more than was seen.
    fn check_size(&self, size: usize, limits: &FramingLimits) -> Result<(), Defect> {
        let (longest, defect) = F::longest(limits);
        if self.first.is_none() && longest < limits.head_bytes && size > longest + 2 {
            return Err(defect);
        }
        if size > limits.head_bytes { Err(Defect::HeadTooLarge) } else { Ok(()) }
    }

    fn line_start(&self) -> usize {
        self.lines.last().map_or(0, |end| *end as usize)
    }

    fn take(&mut self, end: usize) -> Option<Section<F>> {
        let Self { mut buffer, first, lines, .. } = std::mem::take(self);
        buffer.truncate(end);
        Some(Section { first: first?, bytes: buffer.freeze(), lines })
    }
}

/// What a line was.
#[derive(PartialEq, Eq)]
enum Line {
    Skipped,
    Kept,
    Last,
}
