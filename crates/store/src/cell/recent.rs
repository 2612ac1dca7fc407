//! A caller's last few values, newest first.

use std::time::Duration;

use portcullis_model::counter::Answer;
use smallvec::SmallVec;

use super::instant::Instant;

/// The values kept, and until when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    values: SmallVec<[u64; 8]>,
    until: Instant,
}

impl Recent {
    pub(super) fn push(&mut self, now: Instant, value: u64, keep: u8, ttl: Duration) -> Answer {
        if now >= self.until {
            self.values.clear();
        }
        self.values.insert(0, value);
        self.values.truncate(usize::from(keep).max(1));
        self.until = now.plus(ttl);
        Answer::Recent(self.values.clone())
    }

    pub(super) fn ends(&self) -> Instant {
        self.until
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + if self.values.spilled() { self.values.capacity() * 8 } else { 0 }
    }
}
