//! What a worker remembers between scans.
//!
//! Bounded by construction; owned by the caller and lent to each scan. Everything is correct with a fresh one, and one
//! cache may serve several scanners one after the other: what it remembers names the scanner it is about.

/// A worker's memory of earlier scans.
#[derive(Clone, Debug, Default)]
pub struct ScanCache {
    _private: (),
}

impl ScanCache {
    /// An empty cache; it grows to its bound with use.
    pub fn new() -> Self {
        Self::default()
    }
}
