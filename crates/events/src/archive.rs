//! The archive: events and minute totals in one SQLite file, written by one thread, read by anyone.
//!
//! Invariants: a batch is committed as a whole or not at all; what was committed survives the process being killed
//! and the machine losing power (WAL, synced at every commit); a fault is an answer ([`Fault`]), never a panic; a
//! damaged file is set aside, never deleted. It does not know the gateway, nor the policy.

mod facts;
mod file;
mod keeper;
pub(crate) mod place;
mod query;
mod reader;
mod retention;
pub(crate) mod row;
mod rows;
mod tables;
mod text;
mod totals;
mod trouble;

pub use facts::EventFacts;
pub(crate) use keeper::{Keeper, Kept};
pub use query::{Cursor, Found, Order, Query};
pub use reader::{ReadError, Reader};
pub use totals::{MinuteLine, TotalsQuery};
pub(crate) use trouble::Trouble;

pub(crate) use crate::figures::Fault;
