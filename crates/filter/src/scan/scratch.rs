//! Room that a scan needs for the value at hand, lent by the caller so that a scan allocates nothing.
//!
//! Nothing is remembered from one scan to the next but the codes of the value looked at last.

use super::shape::write_codes;
use super::texts::{PADDING, Place};
use super::{Bits, Shape};

/// Room for one scan at a time.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// The codes of the value's bytes.
    pub(super) codes: Vec<u8>,
    /// Where a text could stand in it.
    pub(super) places: Vec<Place>,
    /// Lists seen in it.
    pub(super) seen: Bits,
    /// Gates that wait for further lists.
    pub(super) waiting: Vec<u32>,
}

/// What is kept of the room after an unusually long value, in bytes.
const KEEP: usize = 1 << 20;

impl Scratch {
    /// Room for nothing yet; it grows with the values.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shape of a value, and what `look` makes of its bytes, beginning with `seen`; texts can be looked for in it
    /// next.
    #[inline]
    pub fn look_at<Seen>(
        &mut self,
        value: &[u8],
        seen: Seen,
        look: impl Fn(Seen, u8) -> Seen,
    ) -> (Shape, Seen) {
        write_codes::<_, PADDING>(value, &mut self.codes, seen, look)
    }

    /// Gives back what an unusually long value took.
    pub fn shrink(&mut self) {
        if self.codes.capacity() > KEEP {
            self.codes = Vec::new();
        }
        if self.places.capacity() > KEEP / 8 {
            self.places = Vec::new();
        }
        if self.waiting.capacity() > KEEP / 4 {
            self.waiting = Vec::new();
        }
    }
}
