//! Compile a policy; drive one exchange through its phases to a verdict, an event and an observation.

mod arrival;
mod deliver;
mod exchange;
mod finished;
mod forward;
mod header_edits;
pub mod lists;
mod refusal;
mod sending;
mod snapshot;
mod step;

pub use arrival::{Arrival, BodyHint, Held, HeldBody, HoldBounds};
pub use deliver::{Deliver, HeldStep, ResponseMode, ResponseStep};
pub use finished::{EndFacts, Finished, ProgressFacts};
pub use forward::{Forward, RequestFailure, UpstreamFailure};
pub use header_edits::HeaderEdits;
pub use refusal::{Connection, Refusal};
pub use sending::Sending;
pub use snapshot::Snapshot;
pub use step::{CountersAsk, Refuse, RequestBodyAsk, Step};
