//! `cargo xtask profile`: has a gateway that counts what it runs do what gateways do, and writes the counts into a file
//! that `cargo xtask dist --profile` builds with.
//!
//! What is not done here is taken for rare, and is built to be small instead of fast: so all that exchanges meet must
//! be in it. Requests are like those of the benches, with other values.

mod policy;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use clap::Args;

use crate::bench::load::{self, Answer};
use crate::bench::peers::{self, Contestant, Ground};
use crate::bench::request;
use crate::install::{self, Tool};
use crate::optimised;
use crate::process::{Running, cargo, run, target, tied};

/// What the load needs beside the tools of `bench proxy`.
const TOOLS: &[Tool] = &[
    Tool { program: "openssl", package: "openssl" },
    Tool { program: "redis-server", package: "redis-server" },
    Tool { program: "/usr/share/modsecurity-crs/rules", package: "modsecurity-crs" },
];
/// Seconds of each load.
const SECONDS: u32 = 4;
/// Connections kept busy.
const CONNECTIONS: u32 = 32;

/// Options of `cargo xtask profile`.
#[derive(Args)]
pub(crate) struct Profile {
    /// Where the counts are written; `target/portcullis.profdata` if it is not said.
    #[arg(long)]
    to: Option<PathBuf>,
}

impl Profile {
    /// Records, and says where.
    pub(crate) fn run(&self) -> Result<()> {
        use std::io::Write;
        let to = match &self.to {
            Some(to) => std::path::absolute(to)?,
            None => target()?.join("portcullis.profdata"),
        };
        record(&to)?;
        Ok(writeln!(std::io::stdout(), "{}", to.display())?)
    }
}

/// Records the gateway's counts in a file.
pub(crate) fn record(to: &Path) -> Result<()> {
    install::ensure(install::FOR_BENCH)?;
    install::ensure(TOOLS)?;
    optimised::record("portcullis-app", "portcullis", to, |gateway| {
        pass_on(gateway)?;
        look_into(gateway)?;
        soak(gateway)
    })
}

/// Exchanges of a site that asks little, at each share of its archive.
fn pass_on(gateway: &Path) -> Result<()> {
    let ground = Ground::prepare(gateway.to_owned())?;
    for contestant in [Contestant::Off, Contestant::Sampled, Contestant::All] {
        for answer in Answer::ALL {
            let mut peer = ground.start(contestant, 1)?;
            load::run(peer.address(), answer, CONNECTIONS, SECONDS)?;
            peer.end()?;
        }
    }
    Ok(())
}

/// Bodies, credentials and attacks, over TLS and without it, past the built-in rules and past CRS.
fn look_into(gateway: &Path) -> Result<()> {
    let folder = target()?.join("profile");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("files"))?;
    let upstream = peers::free_address()?;
    let config = folder.join("upstream.conf");
    std::fs::write(&config, peers::upstream_config(&folder, upstream))?;
    let _upstream = Running::start(tied(&peers::nginx(&config)).stderr(Stdio::null()))?;
    peers::await_listening(upstream)?;
    let site = policy::write(&folder, gateway, upstream)?;
    std::fs::write(folder.join("requests.lua"), include_str!("profile/requests.lua"))?;

    let mut serve = Command::new(gateway);
    serve.args(["serve", "--no-watch", "--log", "error"]);
    let mut command = tied(&serve);
    command.current_dir(&folder).stdout(Stdio::null());
    let mut running = Running::start(&mut command)?;
    peers::await_listening(site.plain)?;
    for credentials in &site.credentials {
        for host in policy::HOSTS {
            let text = request::ordinary(40).replace("shop.example.com", host);
            std::fs::write(folder.join("requests"), text.replace("Connection: keep-alive", credentials))?;
            for at in [format!("http://{}", site.plain), format!("https://{}", site.secure)] {
                let mut wrk = Command::new("wrk");
                wrk.args([
                    "-t1",
                    &format!("-c{CONNECTIONS}"),
                    &format!("-d{SECONDS}s"),
                    "-s",
                    "requests.lua",
                ]);
                wrk.arg(at).args(["--", "requests"]);
                run(tied(&wrk).current_dir(&folder).stdout(Stdio::null()))?;
            }
        }
    }
    running.ask_to_end()?;
    running.wait()
}

/// HTTP/2, upgrades, uploads, slow clients, reloads and outages, as `cargo xtask soak` has them.
fn soak(gateway: &Path) -> Result<()> {
    run(&mut cargo(&["build", "-p", "portcullis-bench", "--bin", "portcullis-soak"]))?;
    let mut soak = Command::new(target()?.join("debug/portcullis-soak"));
    soak.arg("--gateway").arg(gateway).args(["--minutes", "1", "--idle", "100"]);
    run(soak.stdout(Stdio::null()))
}
