//! An event as it will lie in the archive: its text and the columns beside it.
//!
//! Made by whoever offers the event, while the event is still warm in its processor: the recording thread then moves
//! one block of bytes an event instead of walking some forty small ones that another thread wrote and it must free.
//! Invariant: a row holds everything the archive keeps; nothing of the event itself waits.

use portcullis_model::{Action, Event, EventId};
use smol_str::{SmolStr, ToSmolStr};

use super::text::{Refused, write_json};

/// What an event's text takes, about.
const TEXT: usize = 1536;

/// One event, ready to be kept.
#[derive(Debug)]
pub(crate) struct Row {
    pub(super) id: EventId,
    pub(super) time: i64,
    pub(super) progress: Option<u32>,
    pub(super) action: i64,
    pub(super) would_have: i64,
    pub(super) status: Option<u16>,
    pub(super) site: Option<SmolStr>,
    pub(super) operation: Option<SmolStr>,
    pub(super) caller: SmolStr,
    pub(super) method: SmolStr,
    pub(super) duration_us: i64,
    pub(super) text: Vec<u8>,
}

impl Row {
    /// The row of an event, unless it cannot be written as text.
    pub(crate) fn of(event: &Event) -> Result<Self, Refused> {
        let mut text = Vec::with_capacity(TEXT);
        write_json(event, &mut text)?;
        let verdict = &event.verdict;
        Ok(Self {
            id: event.id,
            time: event.time.as_micros(),
            progress: event.progress,
            action: strictness(verdict.action),
            would_have: strictness(verdict.would_have.unwrap_or(verdict.action)),
            status: event.response.as_ref().map(|response| response.status),
            site: event.site.clone(),
            operation: event.operation.as_ref().map(|operation| operation.name.clone()),
            caller: event.caller.key.to_smolstr(),
            method: event.request.method.clone(),
            duration_us: i64::try_from(event.duration_us).unwrap_or(i64::MAX),
            text,
        })
    }
}

/// How strict an action is, as a number.
pub(super) fn strictness(action: Action) -> i64 {
    Action::ALL.iter().position(|known| *known == action).and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
}
