//! The crate from outside: laws of folding, standings, the exported document.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::tests_outside_test_module,
    missing_docs,
    reason = "tests"
)]

mod calls;
mod drift;
mod export;
mod laws;
mod standings;
mod traffic;
mod versions;
