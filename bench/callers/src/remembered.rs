//! What a host remembers of verified credentials, and how many it was told of.

use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_engine::{ProofKey, Proofs, Proven};

use crate::proofs::KeptProofs;

/// The gateway's own memory of proofs, or none; counts what was verified.
#[derive(Debug)]
pub(crate) struct Remembered {
    kept: Option<KeptProofs>,
    verified: AtomicU64,
}

impl Remembered {
    /// As a gateway does.
    pub(crate) fn as_in_a_gateway() -> Self {
        Self { kept: Some(KeptProofs::default()), verified: AtomicU64::new(0) }
    }

    /// Nothing: every credential is new.
    pub(crate) fn nothing() -> Self {
        Self { kept: None, verified: AtomicU64::new(0) }
    }

    /// How many credentials were verified.
    pub(crate) fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }
}

impl Proofs for Remembered {
    fn find(&self, key: ProofKey) -> Option<Proven> {
        self.kept.as_ref()?.find(key)
    }

    /// The engine calls this when, and only when, it has just verified a credential.
    fn keep(&self, key: ProofKey, proven: Proven) {
        self.verified.fetch_add(1, Ordering::Relaxed);
        if let Some(kept) = &self.kept {
            kept.keep(key, proven);
        }
    }
}
