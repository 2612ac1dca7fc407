//! `cargo xtask demo`: the gateway in front of a small telecom API, its traffic, and what came of it in words.
//!
//! Everything it starts is stopped by handle when it ends; everything it writes is in `demo` of cargo's target folder.

mod story;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use crate::install;
use crate::process::{Running, cargo, root, run, target, tied};

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct Demo {
    /// Stop once the story is told, instead of leaving everything running.
    #[arg(long)]
    once: bool,
    /// Build as for production: as fast as it gets, after a much longer wait for the first run.
    #[arg(long)]
    release: bool,
}

/// Addresses the demo's files are written with, and the port each prefers.
const GATEWAY: &str = "127.0.0.1:8080";
const METRICS: &str = "127.0.0.1:9464";
const API: &str = "127.0.0.1:9000";

/// What runs.
struct Stage {
    folder: PathBuf,
    binaries: PathBuf,
    gateway: SocketAddr,
    metrics: SocketAddr,
    partner_key: String,
    _processes: [Running; 2],
}

impl Demo {
    /// Builds, starts, plays, tells.
    pub(crate) fn run(&self) -> Result<()> {
        install::ensure(install::FOR_BUILDS)?;
        say("Building Portcullis and the demo's API (a first build takes a few minutes) …");
        let profile: &[&str] = if self.release { &["--release"] } else { &[] };
        run(cargo(&["build", "-p", "portcullis-app", "-p", "portcullis-demo"]).args(profile))?;
        let stage = Stage::set(if self.release { "release" } else { "debug" })?;
        say(&story::opening(&stage.address(), &stage.folder));
        stage.play()?;
        say(&story::tell(&stage)?);
        if self.once {
            return Ok(());
        }
        say(&story::next_steps(&stage)?);
        // However this process ends, its children end with it.
        let mut trickle = tied(stage.traffic().arg("--forever"));
        let mut traffic = Running::start(trickle.stdout(Stdio::null()))?;
        traffic.wait()
    }
}

impl Stage {
    /// Writes the demo's files with free addresses and starts the API and the gateway.
    fn set(profile: &str) -> Result<Self> {
        let target = target()?;
        let (binaries, folder) = (target.join(profile), target.join("demo"));
        // What an earlier run left there is that run's story.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let mut serve =
            tied(Command::new(binaries.join("portcullis-demo")).args(["serve", "--listen", "127.0.0.1:0"]));
        let (api, at) = Running::start_and_read(serve.stderr(Stdio::null()), |line| {
            line.strip_prefix("listening on ")?.trim().parse::<SocketAddr>().ok()
        })?;
        let (gateway, metrics) = (free(GATEWAY)?, free(METRICS)?);
        let places = [(API, at), (GATEWAY, gateway), (METRICS, metrics)];
        write_files(&folder, &places)?;
        let portcullis = binaries.join("portcullis");
        let partner_key = make_key(&portcullis, &folder)?;
        let mut serve = tied(Command::new(&portcullis).args(["serve", "--json"]));
        let log = std::fs::File::create(folder.join("portcullis.log"))?;
        serve.current_dir(&folder).stderr(log);
        let (running, ()) =
            Running::start_and_read(&mut serve, |line| line.contains("listening").then_some(()))
                .with_context(|| {
                    format!("the gateway did not start; {}/portcullis.log says why", folder.display())
                })?;
        Ok(Self { folder, binaries, gateway, metrics, partner_key, _processes: [running, api] })
    }

    fn address(&self) -> String {
        format!("http://{}", self.gateway)
    }

    fn traffic(&self) -> Command {
        let mut command = Command::new(self.binaries.join("portcullis-demo"));
        command.args(["traffic", "--gateway", &self.address(), "--partner-key", &self.partner_key]);
        command
    }

    /// Plays the story; its own telling goes to the person who watches.
    fn play(&self) -> Result<()> {
        run(&mut self.traffic())
    }

    /// Asks the gateway as an operator would, for JSON.
    fn ask(&self, arguments: &[&str]) -> Result<Vec<serde_json::Value>> {
        let output =
            self.portcullis().args(arguments).arg("--json").output().context("cannot run portcullis")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let documents = serde_json::Deserializer::from_str(&said).into_iter();
        documents.collect::<Result<_, _>>().context("portcullis printed something else than JSON")
    }

    /// Writes down what was learned, as the operator would; where.
    fn export(&self) -> Result<PathBuf> {
        let output = self.portcullis().args(["api", "export"]).output().context("cannot run portcullis")?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let learned = self.folder.join("learned.yaml");
        std::fs::write(&learned, output.stdout)?;
        Ok(learned)
    }

    fn portcullis(&self) -> Command {
        let mut command = Command::new(self.binaries.join("portcullis"));
        command.current_dir(&self.folder);
        command
    }
}

/// The address as written if its port is free, else another port.
fn free(preferred: &str) -> Result<SocketAddr> {
    let listener = TcpListener::bind(preferred).or_else(|_| TcpListener::bind("127.0.0.1:0"))?;
    Ok(listener.local_addr()?)
}

fn write_files(folder: &Path, places: &[(&str, SocketAddr)]) -> Result<()> {
    for name in ["portcullis.yaml", "openapi.yaml", "jwks.json"] {
        let text = std::fs::read_to_string(root().join("demo").join(name))?;
        // Two steps, because one real address may be another's place.
        let marked = (0..)
            .zip(places)
            .fold(text, |text, (n, (written, _))| text.replace(written, &format!("\u{1}{n}\u{1}")));
        let real = (0..)
            .zip(places)
            .fold(marked, |text, (n, (_, real))| text.replace(&format!("\u{1}{n}\u{1}"), &real.to_string()));
        std::fs::write(folder.join(name), real)?;
    }
    Ok(())
}

fn make_key(portcullis: &Path, folder: &Path) -> Result<String> {
    let mut command = Command::new(portcullis);
    command.args(["key", "new", "--provider", "partners", "--subject", "kestrel-partner", "--json"]);
    let output = command.current_dir(folder).output().context("cannot run portcullis")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(made.get("key").and_then(serde_json::Value::as_str).context("no key was made")?.to_owned())
}

/// A closed standard output ends the telling, not the demo.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
