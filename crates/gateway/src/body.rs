//! Bodies in both directions: held, streamed, looked at in passing, rewritten.
//!
//! Invariants: what is held is bounded and has a deadline; what streams is never buffered beyond one frame; an
//! exchange ends when the body that answers it does. Deliberately absent: what a body means.

mod client;
mod hold;
mod mend;
mod upload;

pub(crate) use client::{BrokenOff, Carrier, ClientBody, Download, Looking};
pub(crate) use hold::{HoldEnd, hold};
pub(crate) use mend::mend;
pub(crate) use upload::{Broken, Gate, Passage, UpstreamBody};
