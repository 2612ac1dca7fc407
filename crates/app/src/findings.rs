//! `portcullis findings`: list, show, acknowledge, mute; of a running gateway or in its file.
//!
//! Invariant: what a gateway would answer and what its file says come from the same functions.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use portcullis_admin::api::{FoundFindings, Mark, MarkFinding, findings_target};
use portcullis_admin::client::{Client, ClientError};
use portcullis_events::FindingQuery;
use portcullis_events::findings::{FindingFile, FindingsError};
use portcullis_model::finding::{Attention, Finding, FindingState};
use portcullis_model::{FindingId, Timestamp};
use portcullis_policy::Policy;

use crate::load::{self, Purpose};
use crate::output::{self, Audience, right};
use crate::{Exit, Misuse, cli, question, serve, span};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, options: cli::Findings) -> Result<Exit> {
    let place = Place { config, client: question::client(config)? };
    match options.command {
        None => list(&place, audience, &options.which),
        Some(cli::FindingCommand::Show { id }) => show(&place, audience, &id),
        Some(cli::FindingCommand::Ack { id }) => mark(&place, audience, &id, Mark::Acknowledge),
        Some(cli::FindingCommand::Reopen { id }) => mark(&place, audience, &id, Mark::Open),
        Some(cli::FindingCommand::Mute { id, span }) => {
            let seconds = span.map(|span| span::parse(&span)).transpose();
            let seconds = seconds.map_err(|error| Misuse(error.to_string()))?;
            mark(&place, audience, &id, Mark::Mute(seconds.map(|span| span.as_secs())))
        }
    }
}

/// Where the findings of a policy are kept: beside the archive, or else beside the inventory; in memory only if it keeps
/// neither.
pub(crate) fn path(policy: &Policy) -> Option<PathBuf> {
    let archive = policy.archive.as_ref().map(|archive| &*archive.sqlite.path.path);
    let inventory = policy.inventory.as_ref().map(|inventory| &*inventory.path.path);
    archive.or(inventory).map(|beside| Path::new(beside).with_file_name("findings.db"))
}

/// The findings of a policy: a gateway that runs it, else its file.
struct Place<'a> {
    config: &'a Path,
    client: Client,
}

impl Place<'_> {
    fn list(&self, query: &FindingQuery) -> Result<Vec<Finding>> {
        match ask(self.client.get(&findings_target(query)))? {
            Some(found) => Ok(found),
            None => self.look(|file| file.list(query, serve::now())),
        }
    }

    fn find(&self, id: &str) -> Result<Vec<Finding>> {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            bail!(Misuse(format!("`{id}` is not the id of a finding, nor the beginning of one")));
        }
        match ask(self.client.get(&format!("/findings/{id}")))? {
            Some(found) => Ok(found),
            None => self.look(|file| file.find(id)),
        }
    }

    fn mark(&self, id: &FindingId, said: &MarkFinding) -> Result<Vec<Finding>> {
        let target = format!("/findings/{id}");
        match ask(self.client.send(hyper::Method::POST, &target, said))? {
            Some(found) => Ok(found),
            None => self.look(|file| Ok(Vec::from_iter(file.mark(id, &said.state(serve::now()))?))),
        }
    }

    /// What the file of a gateway that does not run says; nothing was found yet where there is none.
    fn look<T: Default>(&self, ask: impl FnOnce(&mut FindingFile) -> Result<T, FindingsError>) -> Result<T> {
        let loaded = load::load(self.config, Purpose::Look)
            .map_err(|_| Misuse("the policy has mistakes: portcullis check".to_owned()))?;
        let path = path(&loaded.policy)
            .context("no gateway runs, and this policy keeps nothing (`archive: off`, `inventory: off`)")?;
        if !path.exists() {
            return Ok(T::default());
        }
        let answer = FindingFile::open(Some(&path)).and_then(|mut file| ask(&mut file));
        answer.with_context(|| path.display().to_string())
    }
}

/// What the running gateway answers; nothing if none runs.
fn ask(asked: impl Future<Output = Result<FoundFindings, ClientError>>) -> Result<Option<Vec<Finding>>> {
    question::ask(async {
        match asked.await {
            Ok(answer) => Ok(Some(answer.findings)),
            Err(ClientError::NotRunning { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

fn list(place: &Place<'_>, audience: Audience, which: &cli::FindingsWhich) -> Result<Exit> {
    let query = query(which)?;
    let found = place.list(&query)?;
    match audience {
        Audience::Programs => {
            found.iter().all(output::json);
        }
        Audience::People if found.is_empty() => {
            let kind = if query.state.is_some() {
                "No open findings. --all shows the others too."
            } else {
                "No findings."
            };
            output::line(kind);
        }
        Audience::People => {
            output::line(&table(&found, serve::now()).to_string());
        }
    }
    Ok(Exit::Done)
}

fn query(which: &cli::FindingsWhich) -> Result<FindingQuery> {
    let words = |error: portcullis_model::finding::UnknownWord| Misuse(error.to_string());
    let since = which.since.as_ref().map(|text| span::parse_time(text, serve::now())).transpose();
    Ok(FindingQuery {
        state: (!which.all).then_some(Attention::Open),
        site: which.site.as_deref().map(Into::into),
        kind: which.kind.as_ref().map(|kind| kind.parse()).transpose().map_err(words)?,
        severity: which.severity.as_ref().map(|least| least.parse()).transpose().map_err(words)?,
        since: since.map_err(|error| Misuse(error.to_string()))?,
    })
}

fn table(findings: &[Finding], now: Timestamp) -> comfy_table::Table {
    let mut table = output::table(&["severity", "finding", "site", "kind", "seen", "last", "state", "id"]);
    for finding in findings {
        table.add_row([
            finding.severity.as_str().into(),
            output::shown(&finding.title).into(),
            output::shown(&finding.site).into(),
            finding.kind.as_str().into(),
            right(finding.count),
            right(format!("{} ago", span::short(now.since(finding.last)))),
            finding.standing(now).as_str().into(),
            finding.id.to_string().into(),
        ]);
    }
    table
}

fn show(place: &Place<'_>, audience: Audience, id: &str) -> Result<Exit> {
    let Some(finding) = only(place.find(id)?, id)? else { return Ok(Exit::No) };
    match audience {
        Audience::Programs => output::json(&finding),
        Audience::People => output::print(&told(&finding, serve::now())),
    };
    Ok(Exit::Done)
}

fn mark(place: &Place<'_>, audience: Audience, id: &str, mark: Mark) -> Result<Exit> {
    let Some(finding) = only(place.find(id)?, id)? else { return Ok(Exit::No) };
    let marked = place.mark(&finding.id, &MarkFinding { mark, by: "command line".into() })?;
    let Some(finding) = only(marked, id)? else { return Ok(Exit::No) };
    match audience {
        Audience::Programs => output::json(&finding),
        Audience::People => {
            output::line(&format!("{}: {}", standing(&finding, serve::now()), output::shown(&finding.title)))
        }
    };
    Ok(Exit::Done)
}

/// The one finding meant; none if there is none, which is told.
fn only(found: Vec<Finding>, id: &str) -> Result<Option<Finding>> {
    if found.len() > 1 {
        let ids: Vec<_> = found.iter().map(|finding| finding.id.as_str()).collect();
        bail!(Misuse(format!("`{id}` begins more than one id: {}", ids.join(", "))));
    }
    let only = found.into_iter().next();
    if only.is_none() {
        output::say(&format!("no finding's id begins with `{id}`: `portcullis findings --all` shows them"));
    }
    Ok(only)
}

/// A finding in full, for a person.
fn told(finding: &Finding, now: Timestamp) -> String {
    let row = |name: &str, value: &str| format!("  {:<11}{}", output::shown(name), output::shown(value));
    let mut lines = vec![output::shown(&finding.title), String::new()];
    lines.push(row("severity", finding.severity.as_str()));
    lines.push(row("kind", finding.kind.as_str()));
    lines.push(row("site", &finding.site));
    let operation = finding.operation.as_ref();
    lines.extend(operation.map(|known| row("operation", &format!("{} ({})", known.name, known.id))));
    lines.extend((!finding.subject.is_empty()).then(|| row("subject", &finding.subject)));
    let times = format!("{} times, {} to {}", finding.count, seconds(finding.first), seconds(finding.last));
    lines.push(row("seen", &times));
    lines.push(row("state", &standing(finding, now)));
    lines.push(row("id", finding.id.as_str()));
    lines.extend([String::new(), output::shown(&finding.why)]);
    if !finding.evidence.is_empty() {
        lines.extend([String::new(), "Evidence".to_owned()]);
    }
    for piece in &finding.evidence {
        lines.push(row(&piece.name, &piece.text));
        lines.extend(piece.event.map(|event| row("", &format!("portcullis events --id {event}"))));
    }
    lines.join("\n") + "\n"
}

/// `muted until 2026-11-30 09:00:00, by command line`.
fn standing(finding: &Finding, now: Timestamp) -> String {
    let standing = finding.standing(now);
    match &finding.state {
        FindingState::Open => standing.to_string(),
        FindingState::Muted { until, .. } if standing == Attention::Open => {
            format!("open (its muting ended {})", until.map_or_else(String::new, seconds))
        }
        FindingState::Acknowledged { at, by } => format!("{standing} {}, by {by}", seconds(*at)),
        FindingState::Muted { until: Some(until), by, .. } => {
            format!("{standing} until {}, by {by}", seconds(*until))
        }
        FindingState::Muted { until: None, by, .. } => format!("{standing} for good, by {by}"),
    }
}

/// `2026-11-23 00:15:13` of a time.
fn seconds(time: Timestamp) -> String {
    time.to_string().chars().take(19).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}
