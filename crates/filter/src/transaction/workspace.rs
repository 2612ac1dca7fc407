//! What a worker lends to every transaction it drives: room that is used again, and caches.
//!
//! Invariants: bounded; nothing in it changes a verdict. Does not know any rule set for longer than a call.

/// Room and caches of one worker.
#[derive(Debug, Default)]
pub struct Workspace {}

impl Workspace {
    /// A fresh one.
    pub fn new() -> Self {
        Self::default()
    }
}
