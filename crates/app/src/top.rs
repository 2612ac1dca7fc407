//! `portcullis top`: what is called, by whom, with which verdicts and how fast, live.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use portcullis_admin::api::Status;
use portcullis_admin::client::{Client, ClientError};
use portcullis_events::totals::{OperationLine, StatusClass, Top};
use portcullis_events::{ArchiveState, Figures};
use portcullis_model::event::Standing;
use serde::Serialize;

use crate::output::{self, Audience, right};
use crate::{Exit, Misuse, cli, question, span};

/// Between two pictures.
const PAUSE: Duration = Duration::from_secs(1);

/// What is printed for programs.
#[derive(Serialize)]
struct Picture {
    status: Status,
    top: Top,
}

/// Shows it once, or until interrupted.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Top) -> Result<Exit> {
    let window = span::parse(&options.window).map_err(|error| Misuse(error.to_string()))?;
    let client = question::client(config)?;
    let live = !options.once && output::on_terminal();
    question::ask(async {
        loop {
            let picture = picture(&client, window).await?;
            let text = match audience {
                Audience::Programs => serde_json::to_string(&picture).unwrap_or_default() + "\n",
                Audience::People => drawn(&picture, options.rows),
            };
            // Home, then clear what is left of the last picture: no flicker.
            let shown =
                if live { output::print(&format!("\x1b[H\x1b[J{text}")) } else { output::print(&text) };
            if options.once || !shown {
                return Ok(Exit::Done);
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}

async fn picture(client: &Client, window: Duration) -> Result<Picture, ClientError> {
    let status = client.get("/status").await?;
    let top = client.get(&format!("/top?seconds={}", window.as_secs())).await?;
    Ok(Picture { status, top })
}

fn drawn(picture: &Picture, rows: usize) -> String {
    let Picture { status, top } = picture;
    let mut text = format!(
        "portcullis {}  ·  up {}  ·  {}  ·  {} in {} ({:.1}/s)\n",
        status.version,
        span::short(top.until.since(status.started)),
        many(status.connections, "connection"),
        many(top.exchanges, "exchange"),
        span::short(top.span()),
        top.rate(),
    );
    text.push_str(&troubles(status));
    if top.exchanges == 0 {
        text.push_str("\nNothing was called in this time.\n");
        return text;
    }
    text + "\n" + &operations(&top.operations, rows) + "\n\n" + &callers(top, rows) + "\n"
}

/// `1 exchange`, `2 exchanges`.
fn many(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What the operator should know of, a line each.
fn troubles(status: &Status) -> String {
    let mut text = String::new();
    if status.policy.rejected.is_some() {
        text.push_str("! The newest policy on disk has mistakes and is not in use: portcullis check\n");
    }
    if let Some(why) = &status.learning.failing {
        let _ = writeln!(text, "! What is learned cannot be written down: {}", output::shown(why));
    }
    if let Some(why) = &status.findings.failing {
        let waiting = status.findings.waiting;
        let _ = writeln!(text, "! Findings cannot be written down ({waiting} wait): {}", output::shown(why));
    }
    for (channel, figures) in &status.alerts {
        if let Some(why) = &figures.failing {
            let _ = writeln!(text, "! Alerts do not reach `{channel}`: {}", output::shown(why));
        }
    }
    for server in &status.servers {
        let why = match server.state.as_str() {
            "down" => "does not answer its checks",
            "paused" => "keeps failing and is left alone for a while",
            _ => continue,
        };
        let _ = writeln!(text, "! {} of `{}` {why}", output::shown(&server.server), server.site);
    }
    text + &untold(&status.recording)
}

/// Why events may be missing from the archive, a line each.
pub(crate) fn untold(recording: &Figures) -> String {
    let mut text = String::new();
    let Figures { archive, waiting, dropped_passes, dropped_refusals, .. } = recording;
    if let ArchiveState::Failing { since, detail, .. } = archive {
        let detail = output::shown(detail);
        let _ = writeln!(text, "! The archive takes no events since {since} ({waiting} wait): {detail}");
    }
    if dropped_passes + dropped_refusals > 0 {
        let _ = writeln!(text, "! Events lost so far: {dropped_passes} passes, {dropped_refusals} refusals");
    }
    text
}

fn operations(lines: &[OperationLine], rows: usize) -> String {
    let mut table = output::table(&[
        "site",
        "operation",
        "standing",
        "calls",
        "refused",
        "would",
        "4xx",
        "5xx",
        "p50",
        "p99",
    ]);
    for line in lines.iter().take(rows) {
        let status = |class| line.statuses.get(&class).copied().unwrap_or(0);
        table.add_row([
            output::shown(&line.site).into(),
            output::shown(&line.operation).into(),
            standing(line.standing).into(),
            right(line.count),
            right(dash(line.refused)),
            right(dash(line.would_refuse)),
            right(dash(status(StatusClass::ClientError))),
            right(dash(status(StatusClass::ServerError))),
            right(span::short(Duration::from_micros(line.p50_us))),
            right(span::short(Duration::from_micros(line.p99_us))),
        ]);
    }
    table.to_string() + &left_out(lines.len(), rows, "operations")
}

fn callers(top: &Top, rows: usize) -> String {
    let mut table = output::table(&["site", "caller", "calls", "refused"]);
    for line in top.callers.iter().take(rows) {
        let count = if line.over > 0 { format!("≤ {}", line.count) } else { line.count.to_string() };
        table.add_row([
            output::shown(&line.site).into(),
            output::shown(&line.caller.to_string()).into(),
            right(count),
            right(dash(line.refused)),
        ]);
    }
    if top.other_callers > 0 {
        table.add_row(["".into(), "(other callers)".into(), right(top.other_callers), "".into()]);
    }
    table.to_string() + &left_out(top.callers.len(), rows, "callers")
}

fn left_out(lines: usize, rows: usize, what: &str) -> String {
    if lines > rows { format!("\n{} more {what}: --rows shows them", lines - rows) } else { String::new() }
}

fn dash(count: u64) -> String {
    if count == 0 { "–".to_owned() } else { count.to_string() }
}

fn standing(standing: Option<Standing>) -> &'static str {
    standing.map_or("–", Standing::as_str)
}
