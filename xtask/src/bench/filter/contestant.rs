//! Who takes part, as processes that take commands and answer when they have done what they were told.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::request::Kind;
use crate::bench::driver::{Driver, callgrind_total};
use crate::bench::sample::Usage;

/// A way to put a request through CRS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Contestant {
    /// Debian's libmodsecurity 3.
    Libmodsecurity,
    /// Every pattern by itself, with `regex`.
    Naive,
    /// Our filter, with the caches a worker has.
    Warm,
    /// Our filter, with nothing remembered.
    Cold,
}

impl Contestant {
    /// In the order of the table.
    pub(super) const ALL: [Self; 4] = [Self::Libmodsecurity, Self::Naive, Self::Warm, Self::Cold];

    /// What the table calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Libmodsecurity => "libmodsecurity 3",
            Self::Naive => "naive `regex`, patterns only",
            Self::Warm => "Portcullis",
            Self::Cold => "Portcullis, nothing remembered",
        }
    }
}

/// What some requests took.
pub(super) struct Measured {
    /// CPU of one request, microseconds.
    pub(super) cpu_us: f64,
    /// Resident afterwards, MiB.
    pub(super) memory_mib: f64,
    /// Requests that would have been blocked.
    pub(super) blocked: u32,
}

impl Driver {
    /// Has it take `count` requests.
    pub(super) fn take(&mut self, kind: Kind, count: u32) -> Result<Measured> {
        self.prepare(kind, count)?;
        let before = Usage::of(vec![self.id()])?;
        let blocked = self.go()?;
        let after = Usage::of(vec![self.id()])?;
        let used = after.since(&before);
        Ok(Measured {
            cpu_us: used.cpu_ns / 1000.0 / f64::from(count),
            memory_mib: used.memory_kib / 1024.0,
            blocked,
        })
    }

    /// Has it read so many requests.
    fn prepare(&mut self, kind: Kind, count: u32) -> Result<()> {
        let answer = self.say(&format!("{} {count}", kind.name()))?;
        if answer != "have" {
            bail!("not an answer: {answer:?}");
        }
        Ok(())
    }

    /// Has it take those requests; how many would have been blocked.
    fn go(&mut self) -> Result<u32> {
        let answer = self.say("go")?;
        let blocked = answer.strip_prefix("done ").and_then(|count| count.parse().ok());
        blocked.with_context(|| format!("not an answer: {answer:?}"))
    }
}

impl Contestant {
    /// Instructions of one request: what more requests cost after those that warm it, by the number of them.
    pub(super) fn count_instructions(self, arguments: &[&str], kind: Kind) -> Result<Option<f64>> {
        let (warming, more) = kind.counted(self);
        let few = count(arguments, kind, warming)?;
        let many = count(arguments, kind, warming + more)?;
        Ok(Some((many - few) / f64::from(more)))
    }
}

/// Instructions of so many requests, by callgrind, inside `measured_request`.
fn count(arguments: &[&str], kind: Kind, requests: u32) -> Result<f64> {
    let folder = crate::process::target()?.join("bench-filter");
    let out = folder.join("callgrind.out").display().to_string();
    let mut driver = Driver::start_counted(arguments, &out)?;
    driver.prepare(kind, requests)?;
    driver.go()?;
    driver.end()?;
    callgrind_total(&out)
}
