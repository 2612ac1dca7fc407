//! What must hold of any bytes: one module beside every reader of hostile ones, each with a `check` that panics where
//! its property is broken.
//!
//! The fuzzer hunts with them for as long as it is let; `tests/mutated.rs` tries a fixed number of inputs in every run of
//! the tests. Neither knows what is checked, and nothing here knows who asks.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a broken property panics: that is how fuzzers and tests hear of it"
)]

pub mod answers;
pub mod body;
pub mod client_hello;
pub mod content;
pub mod corpora;
pub mod feeds;
pub mod fields;
pub mod filter;
pub mod form;
pub mod framing;
pub mod graphql;
pub mod multipart;
pub mod mutation;
pub mod normalise;
pub mod operator;
pub mod pack;
pub mod protobuf;
pub mod seclang;
pub mod transform;
pub mod xml;
