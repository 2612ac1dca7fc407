//! An answer is on its way to the client.

use portcullis_model::{Event, EventId};

use crate::exchange::Exchange;
use crate::finished::{EndFacts, Finished, ProgressFacts};

/// An exchange whose answer is being sent; only its end is left.
#[must_use]
pub struct Sending {
    exchange: Box<Exchange>,
}

impl Sending {
    pub(crate) fn new(exchange: Box<Exchange>) -> Self {
        Self { exchange }
    }

    /// The exchange's id.
    pub fn id(&self) -> EventId {
        self.exchange.state.id
    }

    /// Looks at bytes on their way to the client; what is beyond the limit asked for is not kept.
    pub fn tee(&mut self, bytes: &[u8]) {
        self.exchange.tee(bytes);
    }

    /// A report on an exchange that takes long; its final event replaces it.
    pub fn progress(&mut self, facts: ProgressFacts) -> Event {
        self.exchange.progress(facts)
    }

    /// The last byte was sent, or the exchange ended before that.
    pub fn finish(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }

    /// The client went away.
    pub fn abandon(self, end: EndFacts) -> Finished {
        self.exchange.finish(end)
    }
}
