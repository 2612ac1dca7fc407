//! A semaphore of leases: each place is freed by its holder, or by time.

use std::time::Duration;

use portcullis_model::counter::Answer;

use super::instant::Instant;

/// Who holds a place, and until when at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    leases: Vec<(u128, Instant)>,
}

impl Places {
    /// Takes a place; a holder that asks again keeps its place and its time starts anew.
    pub(super) fn acquire(&mut self, now: Instant, limit: u64, lease: u128, ttl: Duration) -> Answer {
        self.leases.retain(|(_, until)| now < *until);
        let (until, room) = (now.plus(ttl), (self.leases.len() as u64) < limit);
        let admitted = match self.leases.iter_mut().find(|(holder, _)| *holder == lease) {
            Some(held) => {
                held.1 = until;
                true
            }
            None if room => {
                self.leases.push((lease, until));
                true
            }
            None => false,
        };
        Answer::Acquire { admitted, held: self.leases.len() as u64 }
    }

    pub(super) fn release(&mut self, now: Instant, lease: u128) -> Answer {
        self.leases.retain(|(holder, until)| *holder != lease && now < *until);
        Answer::Done
    }

    pub(super) fn free_at(&self) -> Instant {
        self.leases.iter().map(|(_, until)| *until).max().unwrap_or(Instant::PAST)
    }

    pub(super) fn weight(&self) -> usize {
        self.leases.capacity() * size_of::<(u128, Instant)>()
    }
}
