//! Several upstream servers behind the binary: which of them is asked, with what, and what happens when they fail.

mod announced;
mod balance;
mod capacity;
mod checks;
mod overload;
mod paths;
mod secured;
mod server;
