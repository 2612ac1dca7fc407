//! `portcullis api lint`: what is risky in documents, for people by rule and for programs one by one.
//!
//! Invariant: nothing is changed and nothing asked of a gateway; which rules there are is for `contract` to say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use portcullis_contract::lint::{Flaw, Level, Linted, Rule, lint};
use portcullis_policy::Policy;
use serde_json::{Value, json};

use crate::files::FileSources;
use crate::load::Purpose;
use crate::output::{self, Audience};
use crate::remote::{self, Remote};
use crate::secret::WithStandIn;
use crate::{Exit, Misuse, check, cli};

/// Places of one rule that people are shown unless they ask for all.
const SHOWN: usize = 5;

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Lint) -> Result<Exit> {
    let linted = if options.files.is_empty() {
        let read = portcullis_policy::load(&config.to_string_lossy(), &FileSources);
        let Some(policy) = read.policy else {
            output::say(&check::rendered(&read.problems));
            return Ok(Exit::No);
        };
        let mut problems = Vec::new();
        let remote = remote::gather(&policy, Purpose::Look, &mut problems);
        if !problems.is_empty() {
            output::say(&check::rendered(&problems));
        }
        of_sites(&policy, options.site.as_deref(), &remote)?
    } else {
        let files: Vec<String> =
            options.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let roots: Vec<&str> = files.iter().map(String::as_str).collect();
        vec![(String::new(), lint(&roots, &FileSources))]
    };
    let unreadable = linted.iter().any(|(_, linted)| !is_read(linted));
    for (site, linted) in &linted {
        if !linted.problems.is_empty() {
            output::say(&check::rendered(&linted.problems));
        }
        match audience {
            Audience::Programs => output::json(&to_json(site, linted, level(options.level))),
            Audience::People => output::print(&told(site, linted, options)),
        };
    }
    let fails = |flaw: &Flaw| flaw.rule.level >= level(options.fail);
    let failed = linted.iter().any(|(_, linted)| linted.flaws.iter().any(fails));
    Ok(if unreadable || failed { Exit::No } else { Exit::Done })
}

/// The flaws of every site's contract, or of one.
pub(crate) fn of_sites(
    policy: &Policy,
    wanted: Option<&str>,
    remote: &Remote,
) -> Result<Vec<(String, Linted)>> {
    let sites = policy.sites.iter().filter(|site| wanted.is_none_or(|wanted| site.name == wanted));
    let linted: Vec<(String, Linted)> = sites
        .filter_map(|site| {
            let roots: Vec<&str> =
                site.contract.as_ref()?.files.iter().map(|file| file.path.as_str()).collect();
            Some((site.name.to_string(), lint(&roots, &WithStandIn { secret: None, remote })))
        })
        .collect();
    if linted.is_empty() {
        let why = match wanted {
            Some(site) => format!("no site `{site}` has a contract"),
            None => "no site has a contract: name a document".to_owned(),
        };
        return Err(Misuse(why).into());
    }
    Ok(linted)
}

/// The flaws for programs, with the rules they go against; not `whole` where a document could not be read.
pub(crate) fn to_json(site: &str, linted: &Linted, least: Level) -> Value {
    let flaws: Vec<&Flaw> = linted.flaws.iter().filter(|flaw| flaw.rule.level >= least).collect();
    let rules: BTreeMap<&str, Value> = flaws.iter().map(|flaw| (flaw.rule.id, flaw.rule.to_json())).collect();
    json!({
        "site": Some(site).filter(|site| !site.is_empty()),
        "whole": is_read(linted),
        "flaws": flaws.iter().map(|flaw| flaw.to_json()).collect::<Vec<_>>(),
        "rules": rules.into_values().collect::<Vec<_>>(),
    })
}

/// How many flaws of each level: `3 high, 12 medium`.
pub(crate) fn counted(linted: &Linted) -> String {
    let of = |level: Level| linted.flaws.iter().filter(|flaw| flaw.rule.level == level).count();
    let levels = [Level::High, Level::Medium, Level::Low, Level::Info];
    let counts: Vec<String> = levels
        .into_iter()
        .filter(|level| of(*level) > 0)
        .map(|level| format!("{} {}", of(level), level.as_str()))
        .collect();
    match (counts.is_empty(), is_read(linted)) {
        (true, true) => "no flaws".to_owned(),
        (false, true) => counts.join(", "),
        (true, false) => "not all could be read".to_owned(),
        (false, false) => format!("{}; not all could be read", counts.join(", ")),
    }
}

fn is_read(linted: &Linted) -> bool {
    linted.problems.iter().all(|problem| problem.severity < portcullis_document::Severity::Error)
}

/// A paragraph for each rule, with the places below it.
fn told(site: &str, linted: &Linted, options: &cli::Lint) -> String {
    let mut text = String::new();
    let flaws: Vec<&Flaw> =
        linted.flaws.iter().filter(|flaw| flaw.rule.level >= level(options.level)).collect();
    for of_rule in flaws.chunk_by(|one, other| one.rule.id == other.rule.id) {
        let Some(first) = of_rule.first() else { continue };
        text.push_str(&explained(first.rule, of_rule.len()));
        let shown = if options.all { of_rule.len() } else { SHOWN };
        for flaw in of_rule.iter().take(shown) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    {}  {}", flaw.place, output::shown(&flaw.subject));
        }
        if of_rule.len() > shown {
            let _ = writeln!(text, "    … and {} more (--all)", of_rule.len() - shown);
        }
        text.push('\n');
    }
    let of = if site.is_empty() { String::new() } else { format!("contract of {site}: ") };
    text + &format!("{of}{}\n", counted(linted))
}

fn explained(rule: &Rule, count: usize) -> String {
    let level = rule.level.as_str();
    format!("{level}  {} × {count}: {}\n    {}\n    {}\n", rule.id, rule.title, rule.why, rule.mend)
}

const fn level(level: cli::Level) -> Level {
    match level {
        cli::Level::Info => Level::Info,
        cli::Level::Low => Level::Low,
        cli::Level::Medium => Level::Medium,
        cli::Level::High => Level::High,
    }
}
