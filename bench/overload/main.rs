//! What `upstream.overload` does for those who are let through: prints their latencies unloaded, under ten times as much as
//! the upstream bears, and afterwards.
//!
//! The upstream answers four at once in twenty milliseconds each, so it bears 200 a second. Clients ask at a fixed pace,
//! whatever becomes of their requests. All of it is on loopback, bounded in time, and stopped by handle.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Prints how a gateway fares under overload.
#[derive(Parser)]
struct Arguments {
    /// The binary.
    #[arg(long)]
    gateway: PathBuf,
}

/// What the upstream bears.
const AT_ONCE: usize = 4;
const TAKES: Duration = Duration::from_millis(20);
const BEARS: u32 = 200;
/// Clients, each with a connection of its own for each request in flight.
const CLIENTS: u32 = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let site = upstream.local_addr()?;
    let upstream = tokio::spawn(serve(upstream));
    for overload in ["", ", overload: {}"] {
        say(if overload.is_empty() { "without `overload`:" } else { "with `overload: {}`:" });
        let folder = tempfile::tempdir()?;
        let policy = format!(
            "listen: [{{ address: \"127.0.0.1:0\" }}]\narchive: off\nsites:\n  s:\n    hosts: [\"*\"]\n    filter: off\n    \
             upstream: {{ servers: [\"http://{site}\"]{overload} }}\n"
        );
        std::fs::write(folder.path().join("portcullis.yaml"), policy)?;
        let (mut gateway, address) = start(&arguments.gateway, &folder).await?;
        for (name, rate, seconds) in
            [("unloaded", BEARS / 4, 5), ("10 x what it bears", BEARS * 10, 10), ("afterwards", BEARS / 4, 5)]
        {
            say(&load(address, rate, Duration::from_secs(seconds)).await.told(name));
        }
        gateway.kill().await?;
    }
    upstream.abort();
    Ok(())
}

/// What clients got.
#[derive(Default)]
struct Got {
    accepted: Vec<Duration>,
    refused: u32,
    failed: u32,
    /// When the last one was refused, from the beginning.
    last_refused: Duration,
}

impl Got {
    fn told(mut self, name: &str) -> String {
        self.accepted.sort();
        let count = self.accepted.len();
        let at = |share: usize| self.accepted.get((count * share / 100).min(count.saturating_sub(1)));
        let millis = |share| at(share).map_or(0.0, |taken| taken.as_secs_f64() * 1000.0);
        format!(
            "  {name:<20} {count:>6} accepted (p50 {:.1} ms, p99 {:.1} ms), {} refused (the last after {:.1} s), {} failed",
            millis(50),
            millis(99),
            self.refused,
            self.last_refused.as_secs_f64(),
            self.failed
        )
    }
}

/// Asks so often a second for so long.
async fn load(address: SocketAddr, rate: u32, time: Duration) -> Got {
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        clients.spawn(async move {
            let pace = Duration::from_secs(1) * CLIENTS / rate;
            sleep(pace * n / CLIENTS).await;
            let mut due = interval(pace);
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let (mut got, mut asking) = (Vec::new(), JoinSet::new());
            while begun.elapsed() < time {
                due.tick().await;
                asking.spawn(async move {
                    let asked = Instant::now();
                    (ask(address).await.ok(), asked.elapsed(), begun.elapsed())
                });
                while let Some(Ok(one)) = asking.try_join_next() {
                    got.push(one);
                }
            }
            while let Some(Ok(one)) = asking.join_next().await {
                got.push(one);
            }
            got
        });
    }
    let mut all = Got::default();
    while let Some(got) = clients.join_next().await {
        for (status, taken, at) in got.unwrap_or_default() {
            match status {
                Some(200) => all.accepted.push(taken),
                Some(503) => {
                    all.refused += 1;
                    all.last_refused = all.last_refused.max(at);
                }
                _ => all.failed += 1,
            }
        }
    }
    all
}

async fn ask(address: SocketAddr) -> Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /items HTTP/1.1\r\nHost: bench.test\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.split(' ').nth(1).context("no answer")?.parse()?)
}

/// Answers so many at once, each in its time, and the others after them.
async fn serve(listener: TcpListener) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut serving = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let places = Arc::clone(&places);
        serving.spawn(async move { answer_all(stream, &places).await });
        while serving.try_join_next().is_some() {}
    }
}

async fn answer_all(stream: TcpStream, places: &Semaphore) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
        }
        let place = places.acquire().await.ok()?;
        sleep(TAKES).await;
        drop(place);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.ok()?;
    }
}

async fn start(binary: &std::path::Path, folder: &tempfile::TempDir) -> Result<(Child, SocketAddr)> {
    let mut child = Command::new(binary)
        .args(["serve", "--json", "--log", "error"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let first = lines.next_line().await?.context("the gateway did not start")?;
    let said: serde_json::Value = serde_json::from_str(&first)?;
    let address = said.pointer("/listening/0").and_then(serde_json::Value::as_str);
    Ok((child, address.context("no address")?.parse()?))
}

#[expect(clippy::print_stdout, reason = "the figures are this program's answer")]
fn say(text: &str) {
    println!("{text}");
}
