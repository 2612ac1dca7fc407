//! What the host hands in when a request's head has been read.
//!
//! Invariant: nothing here has been judged. Deliberately absent: the body, which the engine asks for only
//! when a verdict needs it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_model::{EventId, Moment, Peer, RequestHead};
use portcullis_wire::Defect;
use smallvec::SmallVec;

use crate::filter::Workspaces;
use crate::identity::Proofs;

/// A request whose head was read.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The exchange's id, made by the host.
    pub id: EventId,
    /// When the request's first byte was read.
    pub now: Moment,
    /// The connection.
    pub peer: Arc<Peer>,
    /// The head as received.
    pub head: RequestHead,
    /// Framing defects met while reading it; one is enough to refuse.
    pub defects: SmallVec<[Defect; 1]>,
    /// What the framing says about a body.
    pub body: BodyHint,
    /// Scratch memory for looking at it; one pool serves all exchanges of a host.
    pub lent: Arc<Workspaces>,
    /// Tokens that were verified before under the same policy.
    pub proofs: Arc<dyn Proofs>,
}

/// What a message's framing says about its body before any of it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyHint {
    /// There is none.
    None,
    /// Exactly this many bytes.
    Length(u64),
    /// Some; how much only its end will tell.
    Unknown,
}

/// A body, or the part of it that was held.
#[derive(Clone, Debug)]
pub struct HeldBody {
    /// The bytes, content codings still on.
    pub bytes: Bytes,
    /// Why holding stopped.
    pub outcome: Held,
}

/// Why holding a body stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Its end was read.
    Complete,
    /// The limit was reached and there is more.
    OverLimit,
    /// The deadline passed first; more may come.
    Deadline,
    /// The sender stood still for longer than it may; nothing more comes.
    Stalled,
    /// Its framing is defective.
    Broken(Defect),
    /// The sender went away in the middle of it.
    Lost,
}

/// How much of a body to hold, and how long to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldBounds {
    /// Bytes, content codings still on.
    pub limit: u64,
    /// From the moment of asking.
    pub deadline: Duration,
}
