//! What one transaction may spend.

/// Limits on the work and memory of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Steps; about one for each byte that a transformation, a scan or an operator looks at.
    pub steps: u64,
    /// Steps of patterns that need look-around or back-references: their engine can try one place many times.
    pub pattern_steps: u64,
    /// Bytes of values and of what transformations make of them.
    pub bytes: usize,
}

impl Default for Budget {
    /// Room for a body of a megabyte that gives every rule something to do.
    fn default() -> Self {
        Self { steps: 400_000_000, pattern_steps: 1_000_000, bytes: 64 << 20 }
    }
}
