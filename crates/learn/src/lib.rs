//! The host of learning: takes observations off the hot path, folds them, keeps the folds over restarts, publishes what
//! they say, and raises findings where that changes.
//!
//! [`Learner::start`] runs one thread. The gateway sends it observations through a bounded channel and never waits;
//! what does not fit is dropped, which learning can bear. Once a second what is new goes into a journal; operations are
//! drawn anew as soon as a path is met that was not there before, and otherwise while there is traffic; what changed is
//! held against the last drawing, and what a person should hear of is raised.
//!
//! Invariants: at most a second of learning is lost to a crash; a file that fails stops nothing, and what could not be
//! written stays to be written; the cost of drawing operations is bounded to a small share of a core. Deliberately
//! absent: what an API is (`inventory`), what an exchange is (`engine`), and who is told (`events`).

mod conclude;
mod config;
mod drawn;
mod guessing;
mod keeper;
mod learner;
mod sensitive;
mod site;
mod thread;

pub use config::{LearnConfig, LearnSite};
pub use drawn::Drawn;
pub use keeper::{Keeping, Restored, restore};
pub use learner::{Inventories, Learner, Parts, Publish, StartError};
