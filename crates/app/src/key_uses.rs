//! When API keys were last used, over restarts: a JSON file beside the archive, written whole or not at all.
//!
//! Invariant: what the file says of a key never becomes earlier, whichever process writes it.

use std::path::{Path, PathBuf};

use portcullis_gateway::LastUses;
use portcullis_policy::Policy;

use crate::serve::{beside_state, write_whole};

/// The file of a policy's gateway.
pub(crate) fn path(policy: &Policy) -> PathBuf {
    beside_state(policy, "key-uses.json")
}

/// What is written down; none where nothing ever was, or it cannot be read.
pub(crate) fn read(path: &Path) -> Option<LastUses> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

/// Writes later uses down beside what is there.
pub(crate) fn keep(path: &Path, later: LastUses) {
    let mut uses = read(path).unwrap_or_default();
    for (provider, keys) in later {
        let known = uses.entry(provider).or_default();
        for (key, at) in keys {
            let last = known.entry(key).or_insert(at);
            *last = at.max(*last);
        }
    }
    let text = serde_json::to_string(&uses).unwrap_or_default();
    if let Err(error) = write_whole(path, &text) {
        tracing::warn!(%error, file = %path.display(), "the last uses of keys cannot be written down");
    }
}
