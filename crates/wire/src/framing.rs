//! HTTP/1 framing read strictly (RFC 9112), in both directions, without a socket.
//!
//! Two followers, one a direction, are fed the bytes of a connection in any pieces and say what each piece is.
//! Invariants: the same bytes give the same events however they are cut; nothing of a head is released before the
//! whole head has passed; after a defect nothing more is followed. Deliberately absent: HTTP/2 framing, which the
//! h2 library does ([`h2::check`] looks at what it hands over), and any decision.

mod answer;
mod chunked;
mod field;
mod gather;
pub mod h2;
pub(crate) mod host;
mod limits;
mod line;
mod request;
mod request_follower;
mod response_follower;
mod salvage;
mod special;
#[cfg(test)]
mod tests;

pub use answer::{AnswerKind, AnswerRecord};
pub(crate) use field::split_field;
pub use limits::FramingLimits;
#[cfg(test)]
pub(crate) use line::check_target;
pub(crate) use request::split_absolute;
pub use request::{HeadRecord, Switch};
pub use request_follower::RequestFollower;
pub use response_follower::{Asked, ResponseFollower};

use crate::defect::Defect;

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// That many bytes, from `Content-Length`.
    Length(u64),
    /// Chunks until the last one.
    Chunked,
    /// Everything until the connection closes; answers only.
    UntilClose,
}

/// What a follower made of the bytes it was fed. `H` is the record of a head.
#[derive(Debug)]
pub struct Fed<H> {
    /// How many of the bytes this covers, from the first; feed the rest again.
    pub consumed: usize,
    /// What they are.
    pub what: What<H>,
}

/// What a piece of a connection is. `H` is the record of a head.
#[derive(Debug)]
pub enum What<H> {
    /// All bytes were taken and kept (part of a head); nothing to pass on, more are needed.
    More,
    /// A head is complete. The bytes to pass on are in the record.
    Head(H),
    /// The consumed bytes belong to the body (chunk framing and trailers included): pass them on.
    Body,
    /// The message is complete. Nothing was consumed.
    MessageEnd,
    /// The message asked for another protocol: nothing is consumed until the answer is known; hold the bytes.
    Waiting,
    /// Another protocol was agreed on: the consumed bytes are passed on unread.
    Tunnel,
    /// The message is defective; nothing was consumed, nothing will be, the connection has to close.
    Defect(Defect),
}

impl<H> Fed<H> {
    /// Nothing consumed.
    pub(crate) fn at(what: What<H>) -> Self {
        Self { consumed: 0, what }
    }
}
