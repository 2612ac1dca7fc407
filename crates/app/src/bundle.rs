//! `portcullis bundle`: a folder for those who help, with the shape of everything and nothing that names anybody.
//!
//! Invariants: of the policy and the metrics every text that the program itself does not know is replaced by a
//! pseudonym, the same one for the same text within one bundle and of no use outside of it; of what runs only numbers
//! and fixed words are taken. No event, file of secrets, contract or list is read. The folder is its owner's alone.

mod pseudonyms;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use portcullis_admin::api::Status;
use portcullis_document::Problem;
use portcullis_policy::Policy;
use serde_json::{Value, json};

use crate::load::{self, Purpose};
use crate::output::{self, Audience};
use crate::{Exit, cli, doctor, question};
use pseudonyms::Pseudonyms;

/// How long metrics may take to come.
const PATIENCE: Duration = Duration::from_secs(2);
/// Labels of metrics whose values are words of the program.
const WORD_LABELS: [&str; 8] = ["action", "status", "stage", "what", "why", "severity", "kind", "standing"];

const README: &str = "Made by `portcullis bundle`.\n\n\
    program.json   version, machine, limits\n\
    policy.json    the policy's shape: keys, numbers and words the program knows; other texts are ~PSEUDONYMS\n\
    problems.json  what `portcullis check` finds: codes only\n\
    doctor.json    which checks of `portcullis doctor` found something\n\
    status.json    the running gateway's counters, if one runs\n\
    metrics.txt    its metrics, names of sites and servers as ~PSEUDONYMS, if they are served\n\n\
    A pseudonym stands for the same text throughout this folder, and for nothing outside of it.\n";

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Bundle) -> Result<Exit> {
    let folder = &options.folder;
    let made = DirBuilder::new().mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let pseudonyms = Pseudonyms::new(&portcullis_policy::json_schema())?;
    let files = contents(config, &pseudonyms)?;
    for (name, text) in &files {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name))?;
        file.write_all(text.as_bytes())?;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    match audience {
        Audience::Programs => _ = output::json(&json!({ "folder": folder, "files": names })),
        Audience::People => {
            output::line(&format!("{} holds {}.", folder.display(), names.join(", ")));
            output::line("Look through it before you hand it on.");
        }
    }
    Ok(Exit::Done)
}

fn contents(config: &Path, pseudonyms: &Pseudonyms) -> Result<Vec<(&'static str, String)>> {
    let loaded = load::load(config, Purpose::Look);
    let (problems, troubles, policy) = match &loaded {
        Ok(loaded) => (&loaded.warnings, doctor::found(config, loaded)?, Some(&*loaded.policy)),
        Err(rejected) => (&rejected.problems, Value::Null, None),
    };
    let mut files = vec![
        ("README.txt", README.to_owned()),
        ("program.json", pretty(&program())?),
        ("policy.json", pretty(&pseudonyms.documents(config)?)?),
        ("problems.json", pretty(&problems.iter().map(shape).collect())?),
        ("doctor.json", pretty(&troubles)?),
    ];
    let asked = question::client(config).and_then(|client| question::ask(client.get::<Status>("/status")));
    if let Ok(status) = asked {
        files.push(("status.json", pretty(&figures(&status))?));
    }
    if let Some(metrics) = policy.and_then(scrape) {
        files.push((
            "metrics.txt",
            metrics.lines().map(|line| pseudonyms.sample(line, &WORD_LABELS) + "\n").collect(),
        ));
    }
    Ok(files)
}

fn pretty(value: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// What a problem is, without its words, which may quote.
fn shape(problem: &Problem) -> Value {
    json!({ "code": problem.code, "severity": format!("{:?}", problem.severity) })
}

fn program() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let memory = read("/proc/meminfo").lines().take(3).map(str::to_owned).collect::<Vec<_>>();
    let limits = read("/proc/self/limits").lines().map(str::to_owned).collect::<Vec<_>>();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZeroUsize::get),
        "memory": memory,
        "limits": limits,
    })
}

/// What of a status names nobody.
fn figures(status: &Status) -> Value {
    json!({
        "version": status.version,
        "started": status.started,
        "policy_since": status.policy.since,
        "policy_rejected": status.policy.rejected.is_some(),
        "sites": status.policy.sites.len(),
        "listening": status.listening.len(),
        "connections": status.connections,
        "events_offered": status.recording.offered,
        "events_committed": status.recording.committed,
        "events_dropped": status.recording.dropped_passes + status.recording.dropped_refusals,
        "events_waiting": status.recording.waiting,
        "observed": status.learning.exchanges,
        "operations": status.learning.operations,
        "learning_failing": status.learning.failing.is_some(),
    })
}

/// The metrics of the running gateway, where the policy says they are served.
fn scrape(policy: &Policy) -> Option<String> {
    let mut address = policy.metrics.as_ref()?.listen;
    if address.ip().is_unspecified() {
        address = SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), address.port());
    }
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}
