//! The store against real servers: one suite for every backend, and what happens when a server fails.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect"
)]

#[path = "store/bans.rs"]
mod bans;
#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/leases.rs"]
mod leases;
#[path = "store/outage.rs"]
mod outage;
#[path = "store/redis.rs"]
mod redis;
#[path = "store/reloads.rs"]
mod reloads;
