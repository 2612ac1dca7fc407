//! Keys derived from the node secret, one a purpose, so that none can stand in for another.
//!
//! Invariant: nothing derived prints. All nodes of a deployment share the secret and so agree on every hash.

use std::fmt;

use portcullis_model::counter::CounterKey;

/// The keyed hashes one deployment uses (BLAKE3 in key derivation and keyed mode).
#[derive(Clone)]
pub(crate) struct NodeKeys {
    api_keys: [u8; 32],
    counters: [u8; 32],
    pseudonyms: [u8; 32],
    proofs: [u8; 32],
    learning: [u8; 32],
    challenges: [u8; 32],
    logins: [u8; 32],
}

impl NodeKeys {
    /// Derives every key from the secret's bytes.
    pub(crate) fn derive(secret: &[u8]) -> Self {
        Self {
            api_keys: blake3::derive_key("portcullis 2026 api keys", secret),
            counters: blake3::derive_key("portcullis 2026 counters", secret),
            pseudonyms: blake3::derive_key("portcullis 2026 pseudonyms", secret),
            proofs: blake3::derive_key("portcullis 2026 proofs", secret),
            learning: blake3::derive_key("portcullis 2026 learning", secret),
            challenges: blake3::derive_key("portcullis 2026 challenges", secret),
            logins: blake3::derive_key("portcullis 2026 logins", secret),
        }
    }

    /// The hash an API key is kept and compared as.
    pub(crate) fn api_key(&self, text: &str) -> blake3::Hash {
        blake3::keyed_hash(&self.api_keys, text.as_bytes())
    }

    /// The hash a verified token of a provider is kept under.
    pub(crate) fn proof(&self, provider: &str, token: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.proofs);
        hasher.update(&(provider.len() as u64).to_le_bytes());
        hasher.update(provider.as_bytes()).update(token.as_bytes()).finalize()
    }

    /// What a pseudonym of `text` is, for observations.
    pub(crate) fn pseudonym(&self, text: &[u8]) -> u64 {
        let hash = blake3::keyed_hash(&self.pseudonyms, text);
        u64::from_le_bytes(hash.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    /// The key of what learning hashes for itself.
    pub(crate) fn learning(&self) -> u64 {
        u64::from_le_bytes(self.learning.first_chunk().copied().unwrap_or_default())
    }

    /// What signs puzzles and passes: the parts each with their length, so that no two lists of parts run together.
    pub(crate) fn challenge(&self, parts: &[&[u8]]) -> blake3::Hash {
        keyed(&self.challenges, parts)
    }

    /// What logins are sealed with, and what only this deployment can know of one.
    pub(crate) fn login(&self, parts: &[&[u8]]) -> blake3::Hash {
        keyed(&self.logins, parts)
    }

    /// What the value of a session's cookie is banned as.
    pub(crate) fn session(&self, cookie: &str, value: &str) -> u64 {
        let bytes = [b"session\0", cookie.as_bytes(), b"\0", value.as_bytes()].concat();
        self.counter(&bytes).0 as u64
    }

    /// The key of a counter, from the bytes of what it counts by.
    pub(crate) fn counter(&self, bytes: &[u8]) -> CounterKey {
        let hash = blake3::keyed_hash(&self.counters, bytes);
        CounterKey(u128::from_le_bytes(hash.as_bytes().first_chunk().copied().unwrap_or_default()))
    }
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.finalize()
}

impl fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[node keys]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_deployments_do_not_share_hashes() {
        let (one, other) = (NodeKeys::derive(b"one"), NodeKeys::derive(b"other"));
        assert_ne!(one.api_key("a"), other.api_key("a"));
        assert_ne!(one.pseudonym(b"a"), other.pseudonym(b"a"));
        assert_ne!(one.counter(b"a"), other.counter(b"a"));
        assert_ne!(one.counters, one.pseudonyms);
        assert_eq!(format!("{one:?}"), "[node keys]");
    }
}
