//! A fold as bytes, for whoever keeps it.
//!
//! Four bytes say what it is, one the version, the rest is CBOR (RFC 8949). Fields that are not there are empty, and
//! fields that are not known are passed over, so the version changes only where old bytes would be misread.
//!
//! Invariants: equal folds give equal bytes; the key is not in them, only a mark by which another key is refused, as
//! its hashes would not fit. Knows nothing of files.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use portcullis_model::{OperationId, Timestamp};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::calls::{CallFacts, Calls};
use crate::decision::Decisions;
use crate::example::Examples;
use crate::fold::{Fold, HashKey, Limits, Strata};
use crate::lowest::Lowest;
use crate::traffic::Traffic;
use crate::watching::Watched;

const MAGIC: &[u8; 4] = b"PCIF";
const VERSION: u8 = 1;
/// What is hashed to tell one key from another.
const MARK: &str = "portcullis inventory";

/// Why bytes give no fold.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// They are of something else.
    #[error("these bytes are not an inventory")]
    Foreign,
    /// They were written by a newer version.
    #[error("this inventory has version {0}; this program reads up to {VERSION}")]
    Version(u8),
    /// They break off or hold what cannot be.
    #[error("the inventory is damaged: {0}")]
    Damaged(String),
    /// They were made with another key.
    #[error("this inventory was learned with another key")]
    OtherKey,
}

#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    site: SmolStr,
    mark: u64,
    #[serde(default)]
    folded: BTreeMap<Traffic, u64>,
    answered: Cow<'a, Strata>,
    failed: Cow<'a, Strata>,
    #[serde(default, skip_serializing_if = "Calls::is_empty")]
    calls: Calls,
    #[serde(default, skip_serializing_if = "is_default")]
    decisions: Decisions,
    #[serde(default, skip_serializing_if = "Watched::is_empty")]
    watched: Watched,
    #[serde(default, skip_serializing_if = "Examples::is_empty")]
    examples: Examples,
    #[serde(default, skip_serializing_if = "is_default")]
    aliases: BTreeMap<OperationId, (Timestamp, OperationId)>,
}

impl Fold {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let kept = Kept {
            site: self.site.clone(),
            mark: self.hash(&MARK),
            folded: self.folded.clone(),
            answered: Cow::Borrowed(&self.answered),
            failed: Cow::Borrowed(&self.failed),
            calls: self.calls.clone(),
            decisions: self.decisions.clone(),
            watched: self.watched.clone(),
            examples: self.examples.clone(),
            aliases: self.aliases.clone(),
        };
        let mut bytes = [MAGIC, &[VERSION][..]].concat();
        // Writing to memory cannot fail, and nothing in a fold refuses to be written.
        let written = ciborium::into_writer(&kept, &mut bytes);
        debug_assert!(written.is_ok(), "{written:?}");
        bytes
    }

    /// The fold that bytes were made of, with the key it was learned with.
    pub fn from_bytes(bytes: &[u8], key: u64, limits: Limits) -> Result<Self, Unreadable> {
        let (version, body) =
            bytes.strip_prefix(MAGIC).and_then(<[u8]>::split_first).ok_or(Unreadable::Foreign)?;
        if *version != VERSION {
            return Err(Unreadable::Version(*version));
        }
        let kept: Kept<'_> = ciborium::from_reader(body).map_err(|error| damage(&error))?;
        let bounded = |strata: Cow<'_, Strata>| {
            let strata = strata.into_owned().within(limits.strata);
            strata.map(|stratum| stratum.within(limits.paths))
        };
        let mut fold = Self {
            site: kept.site,
            hashes: HashKey(key),
            limits,
            answered: bounded(kept.answered),
            failed: bounded(kept.failed),
            calls: kept.calls.within_bounds(),
            folded: kept.folded,
            decisions: kept.decisions,
            watched: kept.watched,
            examples: kept.examples,
            aliases: kept.aliases,
        };
        fold.take_up_former_calls();
        if kept.mark == fold.hash(&MARK) { Ok(fold) } else { Err(Unreadable::OtherKey) }
    }

    /// Until calls were kept by themselves they were parts of their paths.
    fn take_up_former_calls(&mut self) {
        for (key, cell) in self.answered.values_mut().flat_map(Lowest::values_mut) {
            for (call, former) in std::mem::take(&mut cell.former_calls) {
                let facts = CallFacts::former(former.count, former.exchanges, former.seen);
                self.calls.take_up(key, call, facts, self.hashes);
            }
        }
    }
}

fn damage(error: &ciborium::de::Error<io::Error>) -> Unreadable {
    Unreadable::Damaged(error.to_string())
}

/// Fields that say nothing are not written.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
