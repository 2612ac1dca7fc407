//! The bounds within which heads and chunk framing are read.

/// Bounds on what one message may spend on framing. All sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramingLimits {
    /// Of a head, from its first line to the empty line; also of a trailer section, which is never as large as 16 KiB.
    pub head_bytes: usize,
    /// Field lines in a head; also in a trailer section.
    pub fields: usize,
    /// Of a request target.
    pub target_bytes: usize,
    /// Of the chunk extensions of one message, together.
    pub chunk_extension_bytes: usize,
    /// Interim answers before the final one.
    pub interim_answers: u8,
}

impl Default for FramingLimits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            fields: 100,
            target_bytes: 16 * 1024,
            chunk_extension_bytes: 4096,
            interim_answers: 16,
        }
    }
}
