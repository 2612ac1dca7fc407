//! Several upstream servers behind the binary: which of them is asked, with what, and what happens when they fail.

mod paths;
mod server;
