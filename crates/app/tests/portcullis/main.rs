//! The binary through its front door: started as a process, spoken to over sockets, its files broken under it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::format_push_string,
    reason = "tests say what they expect"
)]

mod access_log;
mod acme;
mod alerts;
mod announced;
mod api;
mod browser;
mod bundle;
mod calls;
mod cases;
mod cli;
mod cluster;
mod contracts;
mod crawlers;
mod crs;
mod dashboards;
mod debian;
mod discover;
mod doctor;
mod documents;
mod failover;
mod faults;
mod feeds;
mod filter;
mod findings;
mod generated;
mod guesses;
mod harness;
mod introspection;
mod issuer;
mod keys_by_url;
mod live;
mod login;
mod machines;
mod migrate;
mod partition;
mod passwords;
mod redis;
mod reflector;
mod reload;
mod revoke;
mod rules;
mod sessions;
mod shared_bans;
mod signed;
mod suggest;
mod takeover;
mod told;
mod traces;
mod upstreams;
mod whereabouts;
