//! What a contestant's processes used: CPU time and memory, read from `/proc`.

use anyhow::{Context, Result};

/// CPU time so far and memory now, over all processes of one contestant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// On a CPU, nanoseconds.
    pub(super) cpu_ns: f64,
    /// Resident, KiB.
    pub(super) memory_kib: f64,
}

impl Usage {
    /// Reads it for these processes, all their threads included.
    pub(super) fn of(processes: Vec<u32>) -> Result<Self> {
        let mut total = Self { cpu_ns: 0.0, memory_kib: 0.0 };
        for id in processes {
            for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
                let path = task?.path().join("schedstat");
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let spent = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
                total.cpu_ns += spent.context("schedstat begins with nanoseconds")?;
            }
            total.memory_kib += resident(id)?;
        }
        Ok(total)
    }

    /// CPU used since `before`; memory as it is now.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self { cpu_ns: self.cpu_ns - before.cpu_ns, memory_kib: self.memory_kib }
    }
}

fn resident(id: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS line")?;
    line.split_whitespace().next().and_then(|word| word.parse().ok()).context("VmRSS is a number")
}

/// The children of a process (nginx's workers).
pub(super) fn children(id: u32) -> Result<Vec<u32>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    Ok(text.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}
