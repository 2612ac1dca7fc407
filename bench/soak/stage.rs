//! The gateway under load, the servers behind it, and the troubles that are made for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::say;
use super::tally::Tally;
use super::upstream::Upstream;

/// How long a server is away.
const AWAY: Duration = Duration::from_secs(1);
/// How long a process may take to start, or to end.
const PATIENCE: Duration = Duration::from_mins(1);

const POLICY: &str = r#"
listen: [{ address: "127.0.0.1:0", h2c: true }]
metrics: { listen: "127.0.0.1:0" }
connections: { per_client: 20000, drain_timeout: 5s }
archive: { sqlite: { path: data/events.db }, passes: 5% }
STATE
sites:
  soak:
    hosts: ["*"]
    upstream: { servers: [SERVERS], health: { path: /items/health, every: 200ms, down_after: 1, up_after: 1, pause: 1s } }
    limits: [{ name: many, key: ip, rate: 100000000/min, action: monitor }]
    rules: [{ name: shut, when: 'path == "/shut"', action: { block: { status: STATUS } } }]
"#;

/// The gateway and what it needs.
pub(crate) struct Stage {
    /// Where the gateway listens.
    pub(crate) address: SocketAddr,
    metrics: SocketAddr,
    binary: PathBuf,
    folder: tempfile::TempDir,
    gateway: Child,
    upstreams: [Upstream; 2],
    state: Option<State>,
    rounds: u64,
}

impl Stage {
    /// Starts everything.
    pub(crate) async fn start(binary: &std::path::Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let upstreams = [Upstream::start()?, Upstream::start()?];
        let state = State::start(folder.path()).await?;
        if state.is_none() {
            say("redis-server is not installed: the state stays in memory");
        }
        write_policy(&folder, &upstreams, state.as_ref(), 403)?;
        let (gateway, said) = serve(binary, &folder, &[]).await?;
        let binary = binary.to_owned();
        Ok(Self {
            address: said.listening,
            metrics: said.metrics,
            binary,
            folder,
            gateway,
            upstreams,
            state,
            rounds: 0,
        })
    }

    /// The gateway's process.
    pub(crate) fn process(&self) -> Result<u32> {
        self.gateway.id().context("the gateway has ended")
    }

    /// Fails if the gateway has ended by itself.
    pub(crate) fn is_up(&mut self) -> Result<()> {
        match self.gateway.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the gateway ended: {status}"),
        }
    }

    /// What `/metrics` says.
    pub(crate) async fn metrics(&self) -> Result<String> {
        ask(self.metrics, "/metrics").await
    }

    /// Has another policy taken up.
    pub(crate) async fn reload(&mut self, round: u64) -> Result<()> {
        let status = 400 + u16::try_from(round % 50)?;
        write_policy(&self.folder, &self.upstreams, self.state.as_ref(), status)?;
        let until = Instant::now() + PATIENCE;
        while !ask(self.address, "/shut").await?.starts_with(&format!("HTTP/1.1 {status} ")) {
            ensure!(Instant::now() < until, "the policy of round {round} did not come into force");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Has another process go on in the place of this one.
    pub(crate) async fn take_over(&mut self) -> Result<()> {
        let (gateway, said) = serve(&self.binary, &self.folder, &["--takeover"]).await?;
        ensure!(said.listening == self.address, "the new process listens elsewhere");
        let mut before = std::mem::replace(&mut self.gateway, gateway);
        let ended = timeout(PATIENCE, before.wait()).await.context("the process before does not end")??;
        ensure!(ended.success(), "the process before ended badly: {ended}");
        Ok(())
    }

    /// Takes a server of the site away for a while, every other time both.
    pub(crate) async fn stop_upstream(&mut self, tally: &Tally) -> Result<()> {
        self.rounds += 1;
        tally.outage(AWAY);
        let [first, second] = &mut self.upstreams;
        first.stop();
        if self.rounds.is_multiple_of(2) {
            second.stop();
        }
        sleep(AWAY).await;
        first.resume()?;
        if self.rounds.is_multiple_of(2) {
            second.resume()?;
        }
        tally.outage(Duration::ZERO);
        Ok(())
    }

    /// Takes the state server away for a while; no client may notice.
    pub(crate) async fn stop_state(&mut self, _: &Tally) -> Result<()> {
        let Some(state) = &mut self.state else { return Ok(()) };
        state.process.kill().await?;
        sleep(AWAY).await;
        state.process = run_state(state.port, self.folder.path())?;
        Ok(())
    }

    /// Ends it in good order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let id = self.process()?.to_string();
        ensure!(Command::new("kill").args(["-TERM", &id]).status().await?.success(), "it had ended");
        let ended = timeout(PATIENCE, self.gateway.wait()).await.context("the gateway does not end")??;
        ensure!(ended.success(), "the gateway ended badly: {ended}");
        Ok(())
    }
}

/// What a gateway says of itself.
struct Said {
    listening: SocketAddr,
    metrics: SocketAddr,
}

async fn serve(binary: &std::path::Path, folder: &tempfile::TempDir, more: &[&str]) -> Result<(Child, Said)> {
    let mut child = Command::new(binary)
        .args(["serve", "--json", "--log", "error"])
        .args(more)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the gateway cannot be started")?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let first = timeout(PATIENCE, lines.next_line()).await??.context("the gateway did not start")?;
    let said: serde_json::Value = serde_json::from_str(&first)?;
    let address = |pointer: &str| -> Result<SocketAddr> {
        let text = said.pointer(pointer).and_then(serde_json::Value::as_str);
        Ok(text.with_context(|| format!("no {pointer} in {first}"))?.parse()?)
    };
    let said = Said { listening: address("/listening/0")?, metrics: address("/metrics")? };
    // Read to its end, so that it never blocks.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, said))
}

fn write_policy(
    folder: &tempfile::TempDir,
    upstreams: &[Upstream],
    state: Option<&State>,
    status: u16,
) -> Result<()> {
    let servers: Vec<String> =
        upstreams.iter().map(|known| format!("\"http://{}\"", known.address)).collect();
    let state = state.map_or_else(String::new, |state| {
        format!("state: {{ server: {{ at: \"redis://127.0.0.1:{}\" }}, on_failure: local }}", state.port)
    });
    let policy = POLICY
        .replace("STATE", &state)
        .replace("SERVERS", &servers.join(", "))
        .replace("STATUS", &status.to_string());
    let aside = folder.path().join("aside");
    std::fs::write(&aside, policy)?;
    Ok(std::fs::rename(aside, folder.path().join("portcullis.yaml"))?)
}

/// A GET over a connection of its own.
async fn ask(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let asked = format!("GET {path} HTTP/1.1\r\nHost: soak.test\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

/// The server that holds the state.
struct State {
    process: Child,
    port: u16,
}

impl State {
    async fn start(folder: &std::path::Path) -> Result<Option<Self>> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = free.local_addr()?.port();
        drop(free);
        let Ok(process) = run_state(port, folder) else { return Ok(None) };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            ensure!(Instant::now() < until, "redis-server does not answer");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Some(Self { process, port }))
    }
}

fn run_state(port: u16, folder: &std::path::Path) -> Result<Child> {
    Ok(Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?)
}
