//! Connections that asked once and then stay: what they cost.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::holding::Holding;
use super::say;
use super::stage::Stage;

/// The most a gateway may hold with all of them.
const MOST_KIB: usize = 150 << 10;
/// How long they may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many are opened at once.
const AT_ONCE: usize = 50;

/// Holds so many, and fails if they cost too much or stay after their end.
pub(crate) async fn hold(stage: &Stage, count: usize) -> Result<()> {
    let before = Holding::settled(stage).await?;
    let address = stage.address;
    let mut held = Vec::with_capacity(count);
    while held.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE.min(count - held.len()) {
            opening.spawn(ask_once(address));
        }
        while let Some(opened) = opening.join_next().await {
            held.push(opened??);
        }
    }
    // They rest once they have been idle for some seconds.
    let until = Instant::now() + PATIENCE;
    let mut with = Holding::of(stage).await?;
    while with.memory_kib > MOST_KIB && Instant::now() < until {
        sleep(Duration::from_millis(500)).await;
        with = Holding::of(stage).await?;
    }
    say(&format!("{count} idle connections: {with} (before: {before})"));
    ensure!(with.connections >= count, "only {} of them are open", with.connections);
    ensure!(with.memory_kib <= MOST_KIB, "{} KiB are more than {MOST_KIB}", with.memory_kib);
    drop(held);
    let after = Holding::settled(stage).await?;
    say(&format!("without them: {after}"));
    ensure!(after.files <= before.files + 16, "{} descriptors stay", after.files);
    ensure!(after.tasks <= before.tasks + 16, "{} tasks stay", after.tasks);
    Ok(())
}

async fn ask_once(address: std::net::SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /items/1 HTTP/1.1\r\nHost: soak.test\r\n\r\n").await?;
    let mut answer = [0; 4096];
    let mut length = 0;
    while !answer.get(..length).is_some_and(|read| read.ends_with(b"\"}")) {
        let Some(rest) = answer.get_mut(length..) else { anyhow::bail!("a long answer") };
        let read = stream.read(rest).await?;
        ensure!(read > 0, "an answer broke off");
        length += read;
    }
    Ok(stream)
}
