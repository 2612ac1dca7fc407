//! The load of `cargo xtask soak`: a gateway between clients and upstreams that do everything at once.
//!
//! For the minutes asked for: keep-alive, HTTP/2, upgrades, uploads, slow clients and resets, while policies are
//! reloaded, processes taken over, upstream servers and the state server stopped. Then idle connections are held and the
//! gateway's memory is weighed. It fails if a request fails that nothing excuses, or if memory, descriptors or
//! tasks are more at the end than in the beginning. All of it is on loopback and is stopped by handle.

mod clients;
mod holding;
mod idle;
mod stage;
mod streams;
mod tally;
mod upstream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Parser;
use tokio::time::sleep;

use holding::Holding;
use stage::Stage;
use tally::Tally;

/// Lets a gateway run through everything for some minutes.
#[derive(Parser)]
struct Arguments {
    /// The binary.
    #[arg(long)]
    gateway: PathBuf,
    /// How long the mixture runs.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// How many idle connections are held in the end.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
}

/// The part of the time in which one process serves: what it holds can be compared over it.
const ALONE: f64 = 0.6;
/// The load runs so long before what is held is looked at for the first time.
const WARM_UP: Duration = Duration::from_secs(20);
/// Between two troubles.
const PAUSE: Duration = Duration::from_millis(1500);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let whole = Duration::from_secs(arguments.minutes * 60);
    let mut stage = Stage::start(&arguments.gateway).await?;
    let tally = Arc::new(Tally::default());

    let load = clients::start(stage.address, &tally);
    let warm = WARM_UP.min(whole / 4);
    trouble(&mut stage, &tally, warm, Takeovers::None).await?;
    load.stop().await?;
    let before = Holding::settled(&stage).await?;
    say(&format!("after {} s: {before}", warm.as_secs()));

    let load = clients::start(stage.address, &tally);
    trouble(&mut stage, &tally, whole.mul_f64(ALONE), Takeovers::None).await?;
    load.stop().await?;
    before.holds_for(&stage, "after reloads and outages").await?;

    let load = clients::start(stage.address, &tally);
    trouble(&mut stage, &tally, whole.mul_f64(1.0 - ALONE), Takeovers::Some).await?;
    load.stop().await?;
    before.holds_for(&stage, "after takeovers").await?;

    stage.stop().await?;
    say(&tally.to_string());
    let failed = tally.failures();
    ensure!(failed.is_empty(), "{} requests failed:\n{}", failed.len(), failed.join("\n"));
    ensure!(tally.is_complete(), "some kind of client got no answer at all");
    say("nothing failed, nothing grew");
    if arguments.idle > 0 {
        let mut stage = Stage::start(&arguments.gateway).await?;
        idle::hold(&stage, arguments.idle).await?;
        stage.stop().await?;
    }
    Ok(())
}

/// Whether processes take over from each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takeovers {
    None,
    Some,
}

/// Makes one trouble after the other.
async fn trouble(stage: &mut Stage, tally: &Tally, time: Duration, takeovers: Takeovers) -> Result<()> {
    let until = Instant::now() + time;
    let mut round = 0_u64;
    let mut told = Instant::now();
    while Instant::now() < until {
        round += 1;
        match round % 6 {
            0 if takeovers == Takeovers::Some => {
                tally.expect_cuts();
                stage.take_over().await?;
            }
            1 | 4 => stage.reload(round).await?,
            2 => {
                stage.stop_upstream(tally).await?;
            }
            3 => stage.stop_state(tally).await?,
            _ => {}
        }
        stage.is_up()?;
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            say(&format!("{} · {tally}", Holding::of(stage).await?));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "how it goes is this program's answer to whoever started it")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
