//! Clients that speak over bare sockets: tunnels, the slow, and those that break off.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::clients::Client;
use super::upstream::LARGE;

/// The longest a client waits for anything.
const PATIENCE: Duration = Duration::from_secs(40);

/// A GET over a connection of its own; its status.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(address).await.context("the connection was refused")?;
    let asked = format!("GET {path} HTTP/1.1\r\nHost: soak.test\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await?;
    whole(&mut stream).await.map(|(status, _)| status)
}

/// Reads an answer to the end of the connection: status and length.
async fn whole(stream: &mut TcpStream) -> Result<(u16, usize)> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(answer.get(..answer.len().min(20)).unwrap_or_default()).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok((status.with_context(|| format!("{text:?} is no answer"))?, answer.len()))
}

/// An upgrade, then bytes that come back, until one side has enough.
pub(crate) async fn websocket(kind: &'static str, client: &Client) {
    let begun = Instant::now();
    let mut stream = match timeout(PATIENCE, open_tunnel(client.address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return client.tally.broken(kind, &format!("{error:#}"), begun),
        Err(_) => return client.tally.failed(kind, "no answer in time"),
    };
    // A masked text frame of 16 bytes, as a browser sends it; what it says is no business of the gateway.
    let message = *b"\x81\x90mask0123456789abcdef";
    for _ in 0..200 {
        if !client.goes_on() {
            return;
        }
        match timeout(PATIENCE, echo(&mut stream, &message)).await {
            Ok(Ok(())) => client.tally.answered(kind),
            Ok(Err(error)) => return client.tally.cut(kind, &format!("{error:#}")),
            Err(_) => return client.tally.failed(kind, "nothing came back"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn open_tunnel(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await.context("the connection was refused")?;
    let asked = "GET /live HTTP/1.1\r\nHost: soak.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(asked.as_bytes()).await?;
    let mut head = Vec::new();
    // What follows a refusal's head is its body; what follows an upgrade's is asked for first.
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        ensure!(stream.read_buf(&mut head).await? > 0, "the answer broke off");
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        bail!("no upgrade: {}", String::from_utf8_lossy(head.get(..20).unwrap_or_default()));
    }
    Ok(stream)
}

async fn echo(stream: &mut TcpStream, message: &[u8]) -> Result<()> {
    stream.write_all(message).await?;
    let mut back = vec![0; message.len()];
    stream.read_exact(&mut back).await?;
    ensure!(back == message, "something else came back");
    Ok(())
}

/// A head in small pieces.
pub(crate) async fn slow_head(kind: &'static str, client: &Client) {
    let begun = Instant::now();
    let asked = async {
        let mut stream = TcpStream::connect(client.address).await.context("the connection was refused")?;
        for piece in b"GET /items/2 HTTP/1.1\r\nHost: soak.test\r\nConnection: close\r\n\r\n".chunks(4) {
            stream.write_all(piece).await?;
            sleep(Duration::from_millis(60)).await;
        }
        whole(&mut stream).await
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok((status, _))) => client.tally.status(kind, status, begun),
        Ok(Err(error)) => client.tally.broken(kind, &format!("{error:#}"), begun),
        Err(_) => client.tally.failed(kind, "no answer in time"),
    }
}

/// A large answer, read little by little.
pub(crate) async fn slow_reader(kind: &'static str, client: &Client) {
    let begun = Instant::now();
    let asked = async {
        let mut stream = TcpStream::connect(client.address).await.context("the connection was refused")?;
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: soak.test\r\nConnection: close\r\n\r\n").await?;
        let mut piece = vec![0; 64 << 10];
        let mut length = 0;
        let mut first = None;
        loop {
            let read = stream.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            length += read;
            first = first.or_else(|| String::from_utf8_lossy(piece.get(9..12)?).parse::<u16>().ok());
            sleep(Duration::from_millis(30)).await;
        }
        let status = first.context("no answer")?;
        ensure!(status != 200 || length > LARGE, "the answer broke off");
        Ok(status)
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(status)) => client.tally.status(kind, status, begun),
        Ok(Err(error)) => client.tally.broken(kind, &format!("{error:#}"), begun),
        Err(_) => client.tally.failed(kind, "no answer in time"),
    }
}

/// Half a request, then a reset.
pub(crate) async fn reset(kind: &'static str, client: &Client) {
    for asked in
        ["", "GET /items", "POST /uploads HTTP/1.1\r\nHost: soak.test\r\nContent-Length: 9\r\n\r\nhalf"]
    {
        let Ok(mut stream) = TcpStream::connect(client.address).await else {
            return client.tally.failed(kind, "the connection was refused");
        };
        // A gateway that is done with it already is as good.
        let _ = stream.write_all(asked.as_bytes()).await;
        sleep(Duration::from_millis(20)).await;
        let _ = stream.set_zero_linger();
        client.tally.answered(kind);
    }
    sleep(Duration::from_millis(200)).await;
}
