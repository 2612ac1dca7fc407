//! `portcullis migrate`: another gateway's configuration into a policy, checked at once, with a report.
//!
//! Invariants: no file is replaced unasked; what the report says of secrets is where they stand, never what they are.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use portcullis_document::{Problem, Severity, SourceError, Sources};
use portcullis_migrate::{Dialect, Migration, Options};
use serde_json::json;

use crate::files::FileSources;
use crate::load::{self, Purpose};
use crate::output::{self, Audience};
use crate::{Exit, check, cli};

/// Carries out the command.
pub(crate) fn run(audience: Audience, options: &cli::Migrate) -> Result<Exit> {
    let out = options.out.as_deref();
    if let Some(out) = out.filter(|out| out.exists() && !options.force) {
        bail!("{} is there already; --force replaces it", out.display());
    }
    let dialect = match options.from {
        cli::MigrateFrom::Nginx => Dialect::Nginx,
        cli::MigrateFrom::Modsecurity => Dialect::Modsecurity,
        cli::MigrateFrom::Kong => Dialect::Kong,
    };
    let files: Vec<String> = options.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
    let wanted =
        Options { listen: options.listen.clone(), upstream: options.upstream.clone(), anchor: anchor(out)? };
    let done = match portcullis_migrate::migrate(dialect, &files, &wanted, &FileSources) {
        Ok(done) => done,
        Err(problems) => {
            match audience {
                Audience::Programs => {
                    let problems: Vec<_> = problems.iter().map(Problem::to_json).collect();
                    output::json(&json!({ "migrated": false, "problems": problems }));
                }
                Audience::People => output::say(&check::rendered(&problems)),
            }
            return Ok(Exit::No);
        }
    };
    if let Some(out) = out {
        write(out, &done.policy, options)?;
    }
    let problems = checked(out, &done.policy);
    let is_valid = problems.iter().all(|problem| problem.severity != Severity::Error);
    match audience {
        Audience::Programs => print_json(&done, out, &problems),
        Audience::People => print_text(&done, out, &problems),
    }
    Ok(if is_valid { Exit::Done } else { Exit::No })
}

/// What stands before relative paths in a policy written to `out`: nothing where it is written here.
fn anchor(out: Option<&Path>) -> Result<String> {
    let folder = out.and_then(Path::parent).filter(|folder| !matches!(folder.to_str(), Some("" | ".")));
    if folder.is_none() {
        return Ok(String::new());
    }
    let here = std::env::current_dir().context("cannot tell the current folder")?;
    Ok(here.to_string_lossy().into_owned())
}

fn write(out: &Path, policy: &str, options: &cli::Migrate) -> Result<()> {
    let cannot = || format!("cannot write {}", out.display());
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let mut open = OpenOptions::new();
    open.write(true).mode(0o640);
    if options.force {
        open.create(true).truncate(true)
    } else {
        open.create_new(true)
    };
    let mut file = open.open(out).with_context(cannot)?;
    file.write_all(policy.as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)
}

/// What `portcullis check` says of the policy; of one that is in no file, without the files it names.
fn checked(out: Option<&Path>, policy: &str) -> Vec<Problem> {
    match out {
        Some(out) => match load::load(out, Purpose::Look) {
            Ok(loaded) => loaded.warnings,
            Err(rejected) => rejected.problems,
        },
        None => portcullis_policy::load(UNWRITTEN, &Unwritten(policy)).problems,
    }
}

/// The name of a policy that is in no file.
const UNWRITTEN: &str = "portcullis.yaml";

/// Files, and one policy that is not among them.
struct Unwritten<'a>(&'a str);

impl Sources for Unwritten<'_> {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        if path == UNWRITTEN { Ok(self.0.to_owned().into()) } else { FileSources.read(path) }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, SourceError> {
        if folder == UNWRITTEN { Err(SourceError::NotAFolder) } else { FileSources.list(folder) }
    }

    fn env(&self, name: &str) -> Option<String> {
        FileSources.env(name)
    }
}

fn print_json(done: &Migration, out: Option<&Path>, problems: &[Problem]) {
    let notes: Vec<_> = done.notes.iter().map(portcullis_migrate::Note::to_json).collect();
    let is_valid = problems.iter().all(|problem| problem.severity != Severity::Error);
    let problems: Vec<_> = problems.iter().map(Problem::to_json).collect();
    output::json(&json!({
        "migrated": true,
        "out": out.map(|out| out.display().to_string()),
        "policy": done.policy,
        "notes": notes,
        "check": { "valid": is_valid, "files": out.is_some(), "problems": problems },
    }));
}

/// The policy to standard output where no file was named, the report then to standard error.
fn print_text(done: &Migration, out: Option<&Path>, problems: &[Problem]) {
    let say = |text: &str| match out {
        Some(_) => drop(output::line(text)),
        None => output::say(text),
    };
    if out.is_none() {
        output::print(&done.policy);
    }
    let mut last = None;
    for note in &done.notes {
        if last != Some(note.outcome) {
            say(&format!("\n{}:", note.outcome.heading()));
            last = Some(note.outcome);
        }
        say(&output::shown_lines(&format!("  {note}")));
    }
    if !problems.is_empty() {
        say(&check::rendered(problems));
    }
    let is_valid = problems.iter().all(|problem| problem.severity != Severity::Error);
    let verdict = match (is_valid, out) {
        (true, Some(out)) => format!("\nportcullis check: {} is valid.", out.display()),
        (true, None) => {
            "\nportcullis check: valid; the files it names were not looked at, run it again where it is used."
                .to_owned()
        }
        (false, _) => "\nportcullis check: the policy has the mistakes above.".to_owned(),
    };
    say(&verdict);
}
