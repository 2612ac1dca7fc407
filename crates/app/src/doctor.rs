//! `portcullis doctor`: looks for what operators get wrong around a policy that is right, and says what to do.
//!
//! Invariants: nothing is changed but a file that is written and removed to time the disk; no request is sent to a site's
//! servers, they are only connected to; nothing that is printed holds a secret. It does not know what a policy's own
//! mistakes are (`check` does), only that there are some.

mod certificates;
mod machine;
mod reach;
mod smells;

use std::fmt::Display;
use std::path::Path;

use portcullis_document::Severity;
use portcullis_policy::Policy;
use serde::Serialize;

use crate::Exit;
use crate::load::{self, Loaded, Purpose};
use crate::output::{self, Audience};

/// What is wrong, and what to do about it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Trouble {
    /// Which check found it; a stable name.
    check: &'static str,
    weight: Weight,
    /// What is wrong.
    what: String,
    /// What to do.
    remedy: String,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Weight {
    /// Something does not work, or will not soon.
    Error,
    /// Something is probably not meant.
    Warning,
}

impl Trouble {
    fn error(check: &'static str, what: impl Display, remedy: impl Display) -> Self {
        Self { check, weight: Weight::Error, what: what.to_string(), remedy: remedy.to_string() }
    }

    fn warning(check: &'static str, what: impl Display, remedy: impl Display) -> Self {
        Self { weight: Weight::Warning, ..Self::error(check, what, remedy) }
    }
}

/// The checks, by name, in the order in which they run.
const CHECKS: [&str; 9] =
    ["policy", "gateway", "clock", "file_limit", "disk", "certificates", "upstreams", "state", "smells"];

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    troubles: &'a [Trouble],
    /// The names of the checks that ran.
    checks: &'a [&'static str],
}

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience) -> anyhow::Result<Exit> {
    let (mut troubles, checks) = match load::load(config, Purpose::Look) {
        Ok(loaded) => (examine(config, &loaded)?, &CHECKS[..]),
        Err(rejected) => {
            let remedy =
                "`portcullis check` shows each with its place; the other checks need a policy without any";
            let count = rejected.problems.iter().filter(|one| one.severity == Severity::Error).count();
            (
                vec![Trouble::error("policy", format!("the policy has mistakes: {count}"), remedy)],
                &CHECKS[..1],
            )
        }
    };
    troubles.sort_by_key(|trouble| trouble.weight);
    match audience {
        Audience::Programs => _ = output::pretty_json(&Report { troubles: &troubles, checks }),
        Audience::People => print(&troubles, checks),
    }
    Ok(if troubles.is_empty() { Exit::Done } else { Exit::No })
}

/// Which checks find something, without their words, which name things.
pub(crate) fn found(config: &Path, loaded: &Loaded) -> anyhow::Result<serde_json::Value> {
    let troubles = examine(config, loaded)?;
    let shape = |trouble: &Trouble| serde_json::json!({ "check": trouble.check, "weight": trouble.weight });
    Ok(troubles.iter().map(shape).collect())
}

fn examine(config: &Path, loaded: &Loaded) -> anyhow::Result<Vec<Trouble>> {
    let policy: &Policy = &loaded.policy;
    let mut troubles = Vec::new();
    if !loaded.warnings.is_empty() {
        let what = format!("the policy loads, with warnings: {}", loaded.warnings.len());
        troubles.push(Trouble::warning("policy", what, "`portcullis check` shows each with its place"));
    }
    troubles.extend(reach::gateway(config, policy));
    troubles.extend(machine::clock(&loaded.files));
    troubles.extend(machine::file_limit(policy));
    troubles.extend(machine::disks(policy));
    troubles.extend(certificates::ending(policy));
    troubles.extend(reach::upstreams(policy));
    troubles.extend(reach::state(loaded.server.clone())?);
    troubles.extend(smells::of(policy));
    Ok(troubles)
}

fn print(troubles: &[Trouble], checks: &[&str]) {
    for trouble in troubles {
        let weight = match trouble.weight {
            Weight::Error => "error",
            Weight::Warning => "warning",
        };
        let (what, remedy) = (output::shown(&trouble.what), output::shown(&trouble.remedy));
        output::line(&format!("{weight}[{}]: {what}\n  → {remedy}", trouble.check));
    }
    match troubles.len() {
        0 => output::line(&format!("Nothing is wrong. Looked at: {}.", checks.join(", "))),
        count => output::line(&format!("\nFound: {count}. Looked at: {}.", checks.join(", "))),
    };
}
