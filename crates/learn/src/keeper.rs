//! Keeps what was learned in a file, through the file's faults.
//!
//! Invariants: what a failed write was to keep is offered again with the next; tries are spaced, from one second to
//! thirty; a file that cannot be understood is set aside or left alone, never overwritten.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use portcullis_inventory::Fold;
use portcullis_model::Timestamp;
use portcullis_store::{Kept, Ledger, LedgerError};
use smol_str::SmolStr;

use crate::site::Making;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Journals longer than this, in entries or bytes, give way to a snapshot.
const MOST_ENTRIES: u64 = 256;
const MOST_BYTES: u64 = 8 << 20;

/// How keeping is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Nothing is kept over a restart.
    Off,
    /// All but the last second is on disk.
    Working,
    /// The file fails; what is new waits.
    Failing(String),
}

/// The file, in whatever state it is.
#[derive(Debug)]
pub(crate) struct Keeper {
    path: Option<PathBuf>,
    ledger: Option<Ledger>,
    failing: Option<Failing>,
    journals: BTreeMap<SmolStr, Journal>,
}

#[derive(Debug)]
struct Failing {
    why: String,
    tries: u32,
    next_try: Instant,
}

/// How long a site's journal has become.
#[derive(Debug, Default)]
struct Journal {
    entries: u64,
    bytes: u64,
}

/// What a file says was learned of a site.
pub type Restored = BTreeMap<SmolStr, Fold>;

impl Keeper {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, ledger: None, failing: None, journals: BTreeMap::new() }
    }

    /// Whether this is the file at that place.
    pub(crate) fn is_at(&self, path: Option<&Path>) -> bool {
        self.path.as_deref() == path
    }

    /// Leaves the file alone from now on; where it is.
    pub(crate) fn close(&mut self) -> Option<PathBuf> {
        std::mem::replace(self, Self::new(None)).path
    }

    /// Opens the file and reads what earlier runs learned.
    pub(crate) fn restore(&mut self, making: Making, now: Timestamp) -> Restored {
        let Some(path) = self.path.clone() else { return Restored::new() };
        match self.open(&path, now).and_then(|ledger| read(ledger, making)) {
            Ok(restored) => restored,
            Err(why) => {
                self.fail(why);
                Restored::new()
            }
        }
    }

    fn open(&mut self, path: &Path, now: Timestamp) -> Result<&mut Ledger, String> {
        if self.ledger.is_none() {
            let stamp: String = now.to_string().chars().take(19).filter(|letter| *letter != ':').collect();
            let (ledger, aside) =
                Ledger::open_or_set_aside(path, &stamp).map_err(|error| error.to_string())?;
            if let Some(aside) = aside {
                tracing::warn!(aside = %aside.display(), "the inventory is damaged and set aside; a new one begins");
            }
            self.ledger = Some(ledger);
        }
        self.ledger.as_mut().ok_or_else(|| "not open".to_owned())
    }

    /// Whether it is worth writing now.
    pub(crate) fn is_ready(&self) -> bool {
        self.path.is_some() && self.failing.as_ref().is_none_or(|failing| Instant::now() >= failing.next_try)
    }

    /// Adds to the sites' journals; whether it is on disk.
    pub(crate) fn append(&mut self, entries: &[(SmolStr, Vec<u8>)], now: Timestamp) -> bool {
        let Some(path) = self.path.clone() else { return false };
        let added = self.open(&path, now).and_then(|ledger| {
            let entries = entries.iter().map(|(name, bytes)| (name.as_str(), &**bytes));
            ledger.append(entries).map_err(|error| error.to_string())
        });
        if added.is_ok() {
            for (name, bytes) in entries {
                let journal = self.journals.entry(name.clone()).or_default();
                journal.entries += 1;
                journal.bytes += bytes.len() as u64;
            }
        }
        self.settle(added)
    }

    /// Whether a site's journal should give way to a snapshot.
    pub(crate) fn is_long(&self, site: &str) -> bool {
        let journal = self.journals.get(site);
        journal.is_some_and(|journal| journal.entries > MOST_ENTRIES || journal.bytes > MOST_BYTES)
    }

    /// Keeps a site whole, in place of its journal.
    pub(crate) fn replace(&mut self, site: &SmolStr, whole: &[u8], now: Timestamp) {
        let Some(path) = self.path.clone() else { return };
        let kept = self
            .open(&path, now)
            .and_then(|ledger| ledger.replace(site, whole).map_err(|error| error.to_string()));
        if self.settle(kept) {
            self.journals.remove(site);
        }
    }

    fn settle(&mut self, done: Result<(), String>) -> bool {
        match done {
            Ok(()) => {
                if self.failing.take().is_some() {
                    tracing::info!("the inventory is written down again");
                }
                true
            }
            Err(why) => {
                self.fail(why);
                false
            }
        }
    }

    fn fail(&mut self, why: String) {
        let tries = self.failing.as_ref().map_or(0, |failing| failing.tries);
        if tries == 0 {
            let path = self.path.as_deref().unwrap_or(Path::new("")).display().to_string();
            tracing::warn!(path, "the inventory cannot be written down: {why}");
        }
        // It may have been deleted or replaced: opened afresh, it is found or made.
        self.ledger = None;
        let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(5)).min(LONGEST_PAUSE);
        self.failing = Some(Failing { why, tries: tries + 1, next_try: Instant::now() + pause });
    }

    /// How it is.
    pub(crate) fn state(&self) -> Keeping {
        match (&self.path, &self.failing) {
            (None, _) => Keeping::Off,
            (_, Some(failing)) => Keeping::Failing(failing.why.clone()),
            (_, None) => Keeping::Working,
        }
    }
}

/// What a file says was learned, without writing to it; `None` if there is no file.
pub fn restore(
    path: &Path,
    key: u64,
    limits: portcullis_inventory::Limits,
) -> Result<Option<Restored>, String> {
    match Ledger::look(path) {
        Ok(Some(ledger)) => read(&ledger, Making { key, limits }).map(Some),
        Ok(None) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn read(ledger: &Ledger, making: Making) -> Result<Restored, String> {
    let explain = |error: LedgerError| error.to_string();
    let mut restored = Restored::new();
    for name in ledger.names().map_err(explain)? {
        let kept = ledger.load(&name).map_err(explain)?;
        restored.insert(SmolStr::new(&name), put_together(&name, kept, making)?);
    }
    Ok(restored)
}

fn put_together(name: &str, kept: Kept, making: Making) -> Result<Fold, String> {
    let mut whole = Fold::new(name, making.key, making.limits);
    for bytes in kept.snapshot.into_iter().chain(kept.journal) {
        let part = Fold::from_bytes(&bytes, making.key, making.limits)
            .map_err(|error| format!("what was learned of `{name}` cannot be read: {error}"))?;
        whole.merge(part);
    }
    Ok(whole)
}
