//! Shared state of the gateways: counters, distinct counts, nonces, recents, collections, bans; and what is kept of
//! the inventory over restarts.
//!
//! Invariants: one [`Batch`](portcullis_model::counter::Batch) in, one list of answers out, in its order; every
//! operation of a batch is carried out whatever the others answer; each key is atomic; the batch's time is the
//! only time. What is kept is bounded. Deliberately absent: what a key means and what an answer leads to (the
//! engine's), clocks, tasks and files (the host's).

mod backend;
pub mod bans;
mod cell;
pub mod conformance;
pub mod distinct;
pub mod durable;
pub mod memory;
pub mod server;

pub use backend::{Reply, Store};
pub use bans::{BanBook, RestoreError};
pub use distinct::{Added, Distinct};
pub use durable::{Kept, Ledger, LedgerError};
pub use memory::{Footprint, MemoryLimits, MemoryStore};
pub use server::{ServerPlan, ServerStore};
