//! What a gateway's process holds: memory, descriptors, tasks.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use super::say;
use super::stage::Stage;

/// How long a gateway may take to give back what the load needed.
const PATIENCE: Duration = Duration::from_mins(1);
/// Descriptors that pools of connections may keep.
const POOLED: usize = 16;
/// Memory an allocator may keep, beside a part of what was there.
const SLACK_KIB: usize = 24 << 10;

/// What is held at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holding {
    /// Resident memory.
    pub(crate) memory_kib: usize,
    /// Open descriptors.
    pub(crate) files: usize,
    /// Tasks of the runtime.
    pub(crate) tasks: usize,
    /// Client connections.
    pub(crate) connections: usize,
}

impl Holding {
    /// What the stage's gateway holds now.
    pub(crate) async fn of(stage: &Stage) -> Result<Self> {
        let id = stage.process()?;
        let files = std::fs::read_dir(format!("/proc/{id}/fd"))?.count();
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let memory_kib = memory.split_whitespace().next().context("no size")?.parse()?;
        let metrics = stage.metrics().await?;
        let read = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or(" 0");
            line.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
        };
        Ok(Self {
            memory_kib,
            files,
            tasks: read("portcullis_tasks"),
            connections: read("portcullis_connections_open{"),
        })
    }

    /// What it holds once its clients have gone.
    pub(crate) async fn settled(stage: &Stage) -> Result<Self> {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = Self::of(stage).await?;
            if now.connections == 0 {
                return Ok(now);
            }
            if Instant::now() > until {
                bail!("{} connections stay though no client is left", now.connections);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Fails if the gateway does not come back to what it held before.
    pub(crate) async fn holds_for(self, stage: &Stage, when: &str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = Self::settled(stage).await?;
            let memory = now.memory_kib <= self.memory_kib + self.memory_kib / 5 + SLACK_KIB;
            if memory && now.files <= self.files + POOLED && now.tasks <= self.tasks + POOLED {
                say(&format!("{when}: {now}"));
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{when} more is held than before: {now}, and it was {self}");
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_kib, files, tasks, connections } = self;
        let mib = *memory_kib as f64 / 1024.0;
        write!(f, "{mib:.1} MiB, {files} descriptors, {tasks} tasks, {connections} connections")
    }
}
