//! What became of requests, by the kind of client that sent them.
//!
//! Invariant: a failure is excused only while something was taken from the gateway that it needs to answer (a server of
//! the site, the state server), or where the client asked for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long after an outage its consequences may still show: health checks, circuits, waiting in line.
const AFTERMATH: Duration = Duration::from_secs(8);
/// How long after a takeover tunnels are cut: the drain's deadline, and some more.
const CUTS: Duration = Duration::from_secs(12);
/// Failures that are told.
const TOLD: usize = 20;

/// The books.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Books>);

#[derive(Default)]
struct Books {
    answered: BTreeMap<&'static str, u64>,
    excused: BTreeMap<&'static str, u64>,
    failed: Vec<String>,
    outage_until: Option<Instant>,
    cuts_until: Option<Instant>,
}

impl Tally {
    fn with<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// A client got what it wanted.
    pub(crate) fn answered(&self, kind: &'static str) {
        self.with(|books| *books.answered.entry(kind).or_default() += 1);
    }

    /// A client got an answer of that status, begun at that time.
    pub(crate) fn status(&self, kind: &'static str, status: u16, begun: Instant) {
        match status {
            200..300 => self.answered(kind),
            502..=504 if self.is_out(begun) => {
                self.with(|books| *books.excused.entry(kind).or_default() += 1);
            }
            _ => self.failed(kind, &format!("status {status}")),
        }
    }

    /// A client got what nothing excuses.
    pub(crate) fn failed(&self, kind: &'static str, why: &str) {
        self.with(|books| {
            if books.failed.len() < TOLD {
                books.failed.push(format!("{kind}: {why}"));
            }
        });
    }

    /// What a client asked for at that time got no answer, or half of one, which only an outage excuses.
    pub(crate) fn broken(&self, kind: &'static str, why: &str, begun: Instant) {
        if self.is_out(begun) {
            self.with(|books| *books.excused.entry(kind).or_default() += 1);
        } else {
            self.failed(kind, why);
        }
    }

    /// A tunnel ended.
    pub(crate) fn cut(&self, kind: &'static str, why: &str) {
        let expected = self.with(|books| books.cuts_until.is_some_and(|until| Instant::now() < until));
        if expected || self.is_out(Instant::now()) {
            self.with(|books| *books.excused.entry(kind).or_default() += 1);
        } else {
            self.failed(kind, why);
        }
    }

    /// Whether something was out at that time, or since.
    pub(crate) fn is_out(&self, begun: Instant) -> bool {
        self.with(|books| books.outage_until.is_some_and(|until| begun < until + AFTERMATH))
    }

    /// Something is out for so long from now on.
    pub(crate) fn outage(&self, length: Duration) {
        self.with(|books| books.outage_until = Some(Instant::now() + length));
    }

    /// Tunnels may be cut soon.
    pub(crate) fn expect_cuts(&self) {
        self.with(|books| books.cuts_until = Some(Instant::now() + CUTS));
    }

    /// What failed, as far as it is told.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.with(|books| books.failed.clone())
    }

    /// Whether every kind of client got answers.
    pub(crate) fn is_complete(&self) -> bool {
        self.with(|books| super::clients::KINDS.iter().all(|kind| books.answered.contains_key(kind)))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, excused, failed) =
            self.with(|books| (books.answered.clone(), books.excused.clone(), books.failed.len()));
        write!(f, "{} answered (", answered.values().sum::<u64>())?;
        for (place, (kind, count)) in answered.iter().enumerate() {
            write!(f, "{}{kind} {count}", if place == 0 { "" } else { ", " })?;
        }
        write!(f, "), {} refused during outages, {failed} failed", excused.values().sum::<u64>())
    }
}
