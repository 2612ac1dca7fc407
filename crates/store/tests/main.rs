//! The store against real servers: one suite for every backend, and what happens when a server fails.

#[path = "store/conformance.rs"]
mod conformance;
#[path = "store/outage.rs"]
mod outage;
#[path = "store/redis.rs"]
mod redis;
