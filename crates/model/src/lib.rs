//! The shared vocabulary: what every other crate means by exchange, tag, verdict, reason, event.
//!
//! Invariants: values here are plain data; a secret's `Debug` prints nothing of it; nothing here reads a
//! clock, a file or a socket. Deliberately absent: any decision. How a verdict comes about is the engine's.

pub mod action;
pub mod ban;
pub mod call;
pub mod caller;
pub mod counter;
pub mod credential;
pub mod data_class;
pub mod event;
pub mod exchange;
pub mod finding;
pub mod guess;
pub mod headers;
pub mod id;
mod nearest;
pub mod observation;
pub mod reason;
pub mod secret;
pub mod tag;
pub mod time;
pub mod trace;
pub mod verdict;
pub mod version;

pub use action::{Action, Enforcement};
pub use ban::{Ban, BanKey, BanView, NoBans};
pub use call::Call;
pub use caller::{CallerKey, Identity, Proof};
pub use credential::Credential;
pub use data_class::{Confidence, DataClass};
pub use event::Event;
pub use exchange::{Direction, Peer, RequestHead, ResponseHead, Scheme, Version};
pub use finding::{Finding, FindingId};
pub use headers::{Header, Headers};
pub use id::{EventId, OperationId};
pub use nearest::nearest;
pub use reason::{Found, Reason, Stage};
pub use secret::Secret;
pub use tag::{Cause, Tag, TagSet};
pub use time::{Moment, Tick, Timestamp};
pub use verdict::Verdict;
