//! The queue, the archive and its queries, the access log, findings, traces, live figures.
//!
//! Invariants: totals are folded before the queue, so they are exact whatever is sampled or dropped; an event is
//! promised once committed, within 200 ms; refusals have room of their own and are never sampled; what is lost is
//! counted and shown; no fault of the archive stops or slows the gateway. Deliberately absent: redaction (the
//! engine's, done before an event gets here) and what an event means.

mod access_log;
pub mod alerts;
pub mod archive;
mod config;
pub mod figures;
pub mod findings;
mod follow;
mod post;
mod queue;
mod recorder;
#[cfg(test)]
mod sample;
mod schema;
pub mod suggest;
pub mod totals;
pub mod traces;

pub use access_log::{AccessLogConfig, AccessLogFigures, LineFormat, LogTarget};
pub use config::{ArchiveConfig, RecorderConfig, Share};
pub use figures::{ArchiveState, Figures};
pub use findings::{FindingKeeper, FindingQuery, Findings};
pub use follow::{Follower, Lost};
pub use recorder::{Recorder, Recording, StartError, Wants};
pub use schema::event_schema;
pub use totals::Top;
