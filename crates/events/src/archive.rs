//! The archive: events and minute totals in one SQLite file, written by one thread, read by anyone.

mod query;

pub use query::{Cursor, Found, Order, Query};
