//! The content filter by itself, for people who try texts and requests on it.
//!
//! Invariant: the same two looks at the same rules as an exchange gets, whatever other stages would have said.

use std::sync::Arc;

use bytes::Bytes;
use portcullis_model::Event;
use portcullis_model::counter::{Answer, Batch};

use crate::arrival::{Arrival, Held, HeldBody};
use crate::exchange::Exchange;
use crate::phase::{body, filter, head};
use crate::snapshot::Snapshot;
use crate::state::State;

impl Exchange {
    /// The event of a request that only the filter saw.
    pub(crate) fn try_filter(snapshot: Arc<Snapshot>, arrival: Arrival, body: Bytes) -> Event {
        let mut exchange = Self { state: State::new(&snapshot, arrival), snapshot };
        let Self { snapshot, state } = &mut exchange;
        head::locate(snapshot, state);
        look(snapshot, state, filter::Phase::RequestHead);
        if !body.is_empty() {
            body::take(snapshot, state, &HeldBody { bytes: body, outcome: Held::Complete });
        }
        look(snapshot, state, filter::Phase::RequestBody);
        filter::end(snapshot, state);
        exchange.event()
    }
}

/// A look at a part of the request; persistent collections are empty.
fn look(snapshot: &Snapshot, state: &mut State, phase: filter::Phase) {
    let mut asked: Option<Batch> = filter::run(snapshot, state, phase);
    while let Some((batch, asking)) = asked.take().zip(state.asking.take()) {
        let nothing = batch.ops.iter().map(|_| Answer::Map(Vec::new())).collect();
        asked = filter::resume(snapshot, state, &asking, Ok(nothing));
    }
}
