//! Totals: what happened, by site, operation, verdict and status class, and who called.
//!
//! Invariants: every exchange is counted exactly once, in the minute it ended; lines and callers are bounded, and
//! what does not fit is counted under `(other)`; counting takes one lock that no other thread wants. [`Tallies`]
//! are what the hot path adds to; the [`Book`] gathers them, once a second, into minutes for the archive and into
//! slices of five seconds for live figures.

mod book;
mod callers;
mod gathering;
mod latency;
mod line;
mod lines;
mod tally;

pub(crate) use book::{Book, MinuteTotals};
pub(crate) use callers::{CallerCount, Callers};
pub(crate) use gathering::Gathering;
pub(crate) use latency::Latency;
pub(crate) use line::{Counts, Line};
pub use lines::{CallerLine, OperationLine, StatusClass, Top, per_second};
pub(crate) use tally::{Counted, Tallies};
