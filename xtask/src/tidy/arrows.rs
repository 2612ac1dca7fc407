//! Who may use whom: the crate arrows, the purity of the ring, and crates that must stay out of the build.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process::{cargo, root};

/// The arrow table: a crate and the crates of this project that it may use. What is not listed is forbidden.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("document", &["model"]),
    ("wire", &["model"]),
    ("expr", &["model"]),
    ("data", &["model", "wire"]),
    ("contract", &["model", "document", "wire"]),
    ("inventory", &["model", "contract"]),
    ("policy", &["model", "document", "expr"]),
    ("filter", &["model", "document", "wire"]),
    ("migrate", &["document"]),
    ("engine", &["model", "document", "wire", "expr", "contract", "filter", "data", "policy"]),
    ("store", &["model"]),
    ("events", &["model", "expr"]),
    ("learn", &["model", "expr", "contract", "inventory", "store", "events"]),
    ("gateway", &["model", "wire", "policy", "engine", "store", "events"]),
    ("admin", &["model", "document", "expr", "contract", "policy", "inventory", "store", "events", "learn"]),
    (
        "app",
        &[
            "model",
            "document",
            "wire",
            "expr",
            "contract",
            "filter",
            "policy",
            "engine",
            "store",
            "events",
            "gateway",
            "admin",
            "inventory",
            "learn",
            "migrate",
        ],
    ),
];

/// The pure ring: nothing in it may reach the machine.
pub(super) const PURE: &[&str] = &[
    "model",
    "document",
    "wire",
    "expr",
    "data",
    "contract",
    "inventory",
    "filter",
    "policy",
    "migrate",
    "engine",
];

/// Crates that would bring the machine into the pure ring.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "hyper",
    "hyper-util",
    "mio",
    "socket2",
    "notify",
    "rusqlite",
    "axum",
    "libc",
    "getrandom",
    "fastrand",
    "tracing",
];

/// Crates that may not be in the build at all: a second TLS stack, or a client we do not use.
const BANNED: &[&str] = &["ring", "native-tls", "openssl", "reqwest"];

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
    #[serde(default, rename = "dev-dependencies")]
    dev_dependencies: BTreeMap<String, toml::Value>,
}

/// Every arrow that is drawn and not allowed, and every banned crate that is in the build.
pub(super) fn breaches() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, allowed) in ARROWS {
        found.extend(arrow_breaches(name, allowed)?);
    }
    found.extend(unlisted_crates()?);
    found.extend(banned_crates()?);
    Ok(found)
}

fn arrow_breaches(name: &str, allowed: &[&str]) -> Result<Vec<String>> {
    let path = root().join("crates").join(name).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))?;
    let mut found = Vec::new();
    for used in manifest.dependencies.keys() {
        match used.strip_prefix("portcullis-") {
            Some(ours) if !allowed.contains(&ours) => found.push(format!("crates/{name} may not use {used}")),
            None if PURE.contains(&name) && IMPURE.contains(&&**used) => {
                found.push(format!("crates/{name} is pure and may not use {used}"));
            }
            _ => {}
        }
    }
    // Tests may reach further, but never up: a cycle of test dependencies hides where a thing belongs.
    let below: BTreeSet<&str> =
        ARROWS.iter().take_while(|(other, _)| *other != name).map(|(other, _)| *other).collect();
    for used in manifest.dev_dependencies.keys() {
        if let Some(ours) = used.strip_prefix("portcullis-")
            && ours != name
            && !below.contains(ours)
        {
            found.push(format!("the tests of crates/{name} may not use {used}"));
        }
    }
    Ok(found)
}

fn unlisted_crates() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !ARROWS.iter().any(|(listed, _)| *listed == name) {
            found.push(format!("crates/{name} is not in the table of arrows"));
        }
    }
    Ok(found)
}

fn banned_crates() -> Result<Vec<String>> {
    let mut command =
        cargo(&["tree", "--workspace", "--prefix", "none", "--format", "{p}", "--offline", "--locked"]);
    let output = command.stderr(Stdio::null()).output().context("cannot run cargo tree")?;
    anyhow::ensure!(output.status.success(), "cargo tree failed: is Cargo.lock current?");
    let tree = String::from_utf8_lossy(&output.stdout);
    let present: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    Ok(BANNED
        .iter()
        .filter(|name| present.contains(**name))
        .map(|name| format!("{name} is in the build (`cargo tree -i {name}` says why)"))
        .collect())
}
