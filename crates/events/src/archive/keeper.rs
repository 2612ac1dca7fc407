//! Keeps an archive through its faults: opens it, writes batches, tries again, sets damaged files aside.
//!
//! Invariants: a batch that was not committed is kept and written again, before anything newer; tries are spaced,
//! from one second to thirty; the state shown is always the present one. It runs on the recording thread and knows
//! no clock: the time is told.

use std::time::Duration;

use portcullis_model::Timestamp;

use super::Fault;
use super::file::File;
use super::place;
use super::retention::{self, Progress};
use super::row::Row;
use super::trouble::Trouble;
use crate::config::ArchiveConfig;
use crate::figures::{ArchiveState, Working};
use crate::totals::MinuteTotals;

/// The first and the longest pause between tries.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often the file's size and age are looked at.
const UPKEEP: Duration = Duration::from_secs(30);

/// One archive, in whatever state it is.
#[derive(Debug)]
pub(crate) struct Keeper {
    config: ArchiveConfig,
    file: Option<File>,
    failing: Option<Failing>,
    working: Working,
    upkeep_due: Timestamp,
    rejected: u64,
}

#[derive(Debug)]
struct Failing {
    since: Timestamp,
    trouble: Trouble,
    tries: u32,
    next_try: Timestamp,
}

/// Whether a batch was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Yes,
    /// It is to be offered again.
    NotYet,
}

impl Keeper {
    /// Takes an archive up; it is opened with the first batch, or by [`Self::look_after`].
    pub(crate) fn new(config: ArchiveConfig) -> Self {
        let working = Working { path: config.path.clone(), ..Working::default() };
        Self { config, file: None, failing: None, working, upkeep_due: Timestamp::default(), rejected: 0 }
    }

    /// Takes over a changed configuration; another path is another archive.
    pub(crate) fn reconfigure(&mut self, config: ArchiveConfig) {
        if config.path == self.config.path {
            self.config = config;
            self.upkeep_due = Timestamp::default();
        } else {
            *self = Self::new(config);
        }
    }

    /// Whether it is worth offering a batch now.
    pub(crate) fn is_ready(&self, now: Timestamp) -> bool {
        self.failing.as_ref().is_none_or(|failing| now >= failing.next_try)
    }

    /// Writes a batch. A damaged or deleted file costs no try: the batch goes into a new one at once.
    pub(crate) fn write(&mut self, events: &[Row], minutes: &[MinuteTotals], now: Timestamp) -> Kept {
        for _ in 0..3 {
            match self.try_write(events, minutes) {
                Ok(rejected) => {
                    self.rejected += rejected;
                    self.recover(now);
                    return Kept::Yes;
                }
                Err(trouble) => {
                    let again = matches!(trouble.fault, Fault::Corrupt | Fault::Gone);
                    self.fail(trouble, now);
                    if !again {
                        break;
                    }
                }
            }
        }
        Kept::NotYet
    }

    fn try_write(&mut self, events: &[Row], minutes: &[MinuteTotals]) -> Result<u64, Trouble> {
        self.open_file()?.write(events, minutes)
    }

    fn open_file(&mut self) -> Result<&mut File, Trouble> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::open(&self.config.path)?,
        };
        Ok(self.file.insert(file))
    }

    /// Opens the archive if it is not, and deletes one slice of what is too old or too much; to be called often.
    pub(crate) fn look_after(&mut self, now: Timestamp) {
        if now < self.upkeep_due || !self.is_ready(now) {
            return;
        }
        match self.try_upkeep(now) {
            Ok(Progress::More) => {}
            Ok(Progress::Done) => {
                self.upkeep_due = now.plus(UPKEEP);
                self.recover(now);
            }
            Err(trouble) => self.fail(trouble, now),
        }
    }

    fn try_upkeep(&mut self, now: Timestamp) -> Result<Progress, Trouble> {
        let (retain, size) = (self.config.retain, self.config.size);
        let file = self.open_file()?;
        let progress = retention::delete_slice(file, retain, size, now)?;
        let (bytes, oldest) = (file.bytes()?, file.oldest()?);
        (self.working.bytes, self.working.oldest) = (bytes, oldest);
        Ok(progress)
    }

    fn recover(&mut self, now: Timestamp) {
        if let Some(failing) = self.failing.take() {
            let seconds = now.since(failing.since).as_secs();
            tracing::info!(path = %self.config.path.display(), seconds, "the archive works again");
        }
    }

    fn fail(&mut self, trouble: Trouble, now: Timestamp) {
        match trouble.fault {
            Fault::Corrupt => self.put_aside(now),
            // What is locked or full may be so for a moment only; anything else is opened afresh.
            Fault::Full | Fault::Locked => {}
            Fault::Gone | Fault::Foreign | Fault::Unreachable => self.file = None,
        }
        let (since, tries) = self.failing.as_ref().map_or((now, 0), |failing| (failing.since, failing.tries));
        if tries == 0 {
            let path = self.config.path.display();
            tracing::warn!(%path, fault = trouble.fault.as_str(), "the archive fails: {trouble}");
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(5)).min(LONGEST_PAUSE);
        self.failing = Some(Failing { since, trouble, tries: tries + 1, next_try: now.plus(pause) });
    }

    fn put_aside(&mut self, now: Timestamp) {
        self.file = None;
        match place::set_aside(&self.config.path, now) {
            Ok(aside) => {
                tracing::warn!(aside = %aside.display(), "the archive is damaged and set aside; a new one begins");
                self.working.set_aside.push(aside);
            }
            Err(error) => tracing::warn!("the damaged archive cannot be set aside: {error}"),
        }
    }

    /// How it is.
    pub(crate) fn state(&self) -> ArchiveState {
        match &self.failing {
            None => ArchiveState::Working(self.working.clone()),
            Some(failing) => ArchiveState::Failing {
                since: failing.since,
                fault: failing.trouble.fault,
                detail: failing.trouble.detail.clone(),
                tries: failing.tries,
            },
        }
    }

    /// Events it could not take for what they are.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }
}

#[cfg(test)]
mod tests;
