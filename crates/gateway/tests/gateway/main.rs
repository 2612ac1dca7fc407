//! The gateway end to end: real sockets, a real upstream, raw clients. One binary; a module a subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod behind;
mod bodies;
mod challenge;
mod checks;
mod clients;
mod faults;
mod forwarding;
mod framing;
mod http2;
mod resting;
mod running;
mod stage;
mod streams;
mod tls;
