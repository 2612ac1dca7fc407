//! `cargo xtask bench`: measure against a baseline in the same run, print ratios.

mod callers;
mod driver;
mod filter;
mod kept;
pub(crate) mod load;
pub(crate) mod peers;
mod report;
mod sample;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::install;
use crate::process::{cargo, run};
pub(crate) use filter::request;
use load::Answer;
use peers::Contestant;

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The gateway beside nginx and a bare hyper proxy: requests, latency, CPU, instructions, memory.
    Proxy(Proxy),
    /// The content filter beside libmodsecurity 3 and naive pattern matching: CPU, instructions, memory.
    Filter(filter::Filter),
    /// What knowing and counting callers costs: identities, limits in memory and on a Redis server, beside nginx.
    Callers(callers::Callers),
    /// What `upstream.overload` does for those who are let through, under ten times what the upstream bears.
    Overload,
    /// The engine, conditions and contract matching by themselves (criterion).
    Engine,
    /// What learning finds of real documents' operations in traffic made from them.
    Discovery(Discovery),
    /// What the built-in rules catch of the corpora, and what they take for an attack among benign requests.
    Detection(Detection),
}

/// Options of `cargo xtask bench detection`; the corpora are found through `PORTCULLIS_CORPORA`.
#[derive(Args)]
pub(crate) struct Detection {
    /// Print so many attacks that were missed, of the half the rules are tuned on.
    #[arg(long, default_value_t = 0)]
    misses: usize,
    /// Print so many benign requests that were hit, of that half.
    #[arg(long = "false", value_name = "FALSE", default_value_t = 0)]
    hits: usize,
    /// Judge only every so many benign requests.
    #[arg(long, default_value_t = 1)]
    every: usize,
}

/// Options of `cargo xtask bench discovery`; the corpora are found through `PORTCULLIS_CORPORA`.
#[derive(Args)]
pub(crate) struct Discovery {
    /// Requests for each operation; 25, then 5, if it is not said.
    #[arg(long)]
    each: Option<usize>,
    /// Another number gives other values and bodies.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print what was missed and found instead in documents whose names contain this, of the half that is tuned on.
    #[arg(long, default_value = "")]
    misses: String,
}

/// Options of `cargo xtask bench proxy`.
#[derive(Args)]
pub(crate) struct Proxy {
    /// Seconds each contestant is loaded in each round.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Rounds; contestants take turns within each.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Connections kept busy.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Leave out the instruction counts (callgrind is slow).
    #[arg(long)]
    no_instructions: bool,
    /// Only these numbers of workers.
    #[arg(long, default_values_t = [1, 2])]
    workers: Vec<u32>,
    /// Measure this binary, such as one that `cargo xtask dist` built, instead of building one.
    #[arg(long)]
    gateway: Option<std::path::PathBuf>,
    /// Only these contestants (nginx and the bare proxy always take part: ratios need them).
    #[arg(long, value_enum)]
    only: Vec<Contestant>,
}

impl Bench {
    /// Runs the measurement.
    pub(crate) fn run(&self) -> Result<()> {
        match &self.what {
            What::Proxy(proxy) => proxy.run(),
            What::Filter(filter) => filter.run(),
            What::Callers(callers) => callers.run(),
            What::Detection(detection) => detection.run(),
            What::Discovery(discovery) => discovery.run(),
            What::Overload => overload(),
            What::Engine => run(&mut cargo(&[
                "bench",
                "-p",
                "portcullis-engine",
                "-p",
                "portcullis-expr",
                "-p",
                "portcullis-contract",
            ])),
        }
    }
}

fn overload() -> Result<()> {
    run(&mut cargo(&["build", "--release", "-p", "portcullis-app", "-p", "portcullis-bench"]))?;
    let folder = crate::process::target()?.join("release");
    let mut bench = std::process::Command::new(folder.join("portcullis-overload"));
    run(bench.arg("--gateway").arg(folder.join("portcullis")))
}

impl Detection {
    fn run(&self) -> Result<()> {
        let mut bench = cargo(&["bench", "-p", "portcullis-filter", "--bench", "detection", "--"]);
        for (option, value) in [("--misses", self.misses), ("--false", self.hits), ("--every", self.every)] {
            bench.args([option, &value.to_string()]);
        }
        run(&mut bench)
    }
}

impl Discovery {
    fn run(&self) -> Result<()> {
        let mut bench = cargo(&["bench", "-p", "portcullis-inventory", "--bench", "discovery", "--"]);
        bench.args(["--seed", &self.seed.to_string(), "--misses", &self.misses]);
        if let Some(each) = self.each {
            bench.args(["--each", &each.to_string()]);
        }
        run(&mut bench)
    }
}

impl Proxy {
    fn run(&self) -> Result<()> {
        install::ensure(install::FOR_BENCH)?;
        let mut build = cargo(&["build", "--release", "-p", "portcullis-bench"]);
        let gateway = if let Some(gateway) = &self.gateway {
            std::path::absolute(gateway)?
        } else {
            build.args(["-p", "portcullis-app"]);
            crate::process::target()?.join("release/portcullis")
        };
        run(&mut build)?;
        let ground = peers::Ground::prepare(gateway)?;
        for workers in &self.workers {
            for answer in Answer::ALL {
                let figures = self.measure(&ground, *workers, answer)?;
                report::print(*workers, answer, &figures);
            }
        }
        Ok(())
    }

    /// Interleaved rounds: every contestant once a round, so that what the machine does meanwhile hits all alike.
    fn measure(&self, ground: &peers::Ground, workers: u32, answer: Answer) -> Result<Vec<report::Row>> {
        let takes_part = |one: &Contestant| {
            self.only.is_empty()
                || self.only.contains(one)
                || matches!(one, Contestant::Nginx | Contestant::Bare)
        };
        let contestants = Contestant::ALL.into_iter().filter(takes_part);
        let mut rows: Vec<report::Row> = contestants.map(report::Row::new).collect();
        for round in 0..=self.rounds {
            for row in &mut rows {
                let peer = ground.start(row.contestant, workers)?;
                let before = sample::Usage::of(peer.processes()?)?;
                let load = load::run(peer.address(), answer, self.connections, self.seconds)?;
                let after = sample::Usage::of(peer.processes()?)?;
                // Round 0 warms caches and the page cache of the binaries; it does not count.
                if round > 0 {
                    row.add(&load, &after.since(&before), peer.kept()?);
                }
            }
        }
        if !self.no_instructions && workers == 1 {
            for row in &mut rows {
                row.instructions = Some(ground.instructions(row.contestant, answer)?);
            }
        }
        Ok(rows)
    }
}
