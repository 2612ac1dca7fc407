//! `portcullis events`: find, show, follow.

use std::path::Path;

use anyhow::Result;
use portcullis_admin::api::{EventQuery, Followed, FoundEvents, Status};
use portcullis_admin::client::{Client, ClientError, Reading};
use portcullis_expr::{Env, Place, check};
use portcullis_model::event::End;
use portcullis_model::{Action, Event, Stage};

use crate::output::{self, Audience};
use crate::{Exit, Misuse, cli, question, serve, span, top};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Events) -> Result<Exit> {
    let query = query(options)?;
    let client = question::client(config)?;
    if let Some(id) = &options.id {
        let event: Event = question::ask(client.get(&format!("/events/{}", parse_id(id)?)))?;
        match audience {
            Audience::Programs => output::json(&event),
            Audience::People => output::pretty_json(&event),
        };
        return Ok(Exit::Done);
    }
    question::ask(async {
        let found: FoundEvents = client.get(&format!("/events?{}", query.to_query())).await?;
        if audience == Audience::People {
            let status: Status = client.get("/status").await?;
            top::untold(&status.recording).lines().for_each(output::say);
        }
        let shown = show(audience, &found.events, options);
        if options.follow && shown {
            follow(&client, audience, &query).await?;
        } else if found.more && audience == Audience::People {
            output::say(&format!("There are older ones: --limit shows more than {}.", options.limit));
        }
        Ok(Exit::Done)
    })
}

fn query(options: &cli::Events) -> Result<EventQuery> {
    if let Some(source) = &options.condition {
        check_condition(source)?;
    }
    let now = serve::now();
    let time = |text: &Option<String>| -> Result<_> {
        let parse = |text: &String| span::parse_time(text, now).map_err(|error| Misuse(error.to_string()));
        Ok(text.as_ref().map(parse).transpose()?)
    };
    Ok(EventQuery {
        condition: options.condition.clone(),
        since: time(&options.since)?,
        until: time(&options.until)?,
        limit: Some(options.limit),
    })
}

/// A condition that is wrong is the asker's mistake, told before anything is asked.
pub(crate) fn check_condition(source: &str) -> Result<portcullis_expr::Checked> {
    let env = Env { place: Place::Event, lists: &[] };
    Ok(check(source, &env).map_err(|problems| Misuse(portcullis_admin::explained(source, &problems)))?)
}

pub(crate) fn parse_id(text: &str) -> Result<portcullis_model::EventId> {
    Ok(text.parse().map_err(|error: portcullis_model::id::NotAnEventId| Misuse(error.to_string()))?)
}

/// Shows found events, the newest last; `false` if nobody reads any more.
fn show(audience: Audience, newest_first: &[Event], options: &cli::Events) -> bool {
    let mut oldest_first = newest_first.iter().rev();
    match audience {
        Audience::Programs => oldest_first.all(output::json),
        Audience::People if newest_first.is_empty() && !options.follow => output::line("No events match."),
        Audience::People if options.follow => oldest_first.all(|event| output::line(&one_line(event))),
        Audience::People => output::line(&table(oldest_first).to_string()),
    }
}

async fn follow(client: &Client, audience: Audience, query: &EventQuery) -> Result<(), ClientError> {
    client
        .follow(&format!("/follow?{}", query.to_query()), |line| {
            let going_on = match serde_json::from_str::<Followed>(line) {
                Ok(Followed::Event(event)) if audience == Audience::Programs => output::json(&event),
                Ok(Followed::Event(event)) => output::line(&one_line(&event)),
                Ok(Followed::Lost(count)) => {
                    output::say(&format!("({count} events passed by faster than they could be shown)"));
                    true
                }
                Err(_) => true,
            };
            if going_on { Reading::More } else { Reading::Stop }
        })
        .await
}

/// Events as a table; also what `replay` shows.
pub(crate) fn table<'a>(events: impl Iterator<Item = &'a Event>) -> comfy_table::Table {
    let mut table = output::table(&["time", "verdict", "status", "operation", "caller", "why", "id"]);
    for event in events {
        table.add_row([
            event.time.to_string().chars().skip(11).take(12).collect(),
            verdict(event),
            status(event),
            operation(event),
            output::shown(&event.caller.key.to_string()),
            why(event),
            event.id.to_string(),
        ]);
    }
    table
}

/// One event on one line, for `--follow`.
fn one_line(event: &Event) -> String {
    let time: String = event.time.to_string().chars().skip(11).take(12).collect();
    format!(
        "{time}  {:<9} {:>3}  {}  {}  {}  {}",
        verdict(event),
        status(event),
        operation(event),
        output::shown(&event.caller.key.to_string()),
        why(event),
        event.id
    )
}

/// What was decided about an exchange that only might be: `block, 403, GET /a [shadow], rules.block (no-a)`.
pub(crate) fn decision(event: &Event) -> String {
    let parts = [verdict(event), status(event), operation(event), why(event)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn verdict(event: &Event) -> String {
    match event.verdict.would_have {
        Some(would) => format!("{} (would {would})", event.verdict.action),
        None => event.verdict.action.to_string(),
    }
}

fn status(event: &Event) -> String {
    event.response.as_ref().map_or_else(|| "–".to_owned(), |response| response.status.to_string())
}

fn operation(event: &Event) -> String {
    let standing = event.operation.as_ref().and_then(|operation| operation.standing);
    let standing = standing.map_or_else(String::new, |standing| format!(" [{}]", standing.as_str()));
    let request = &event.request;
    let name = match &event.operation {
        Some(operation) => operation.name.to_string(),
        None => format!("{} {}{}", request.method, request.host, request.path),
    };
    output::shown(&format!("{}{standing}", name.chars().take(80).collect::<String>()))
}

/// The decisive reason, and how the exchange ended if not as it should.
fn why(event: &Event) -> String {
    [decisive(event), ended(event.end).map(str::to_owned)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// The decisive reason in a few words: its code, and who said so.
fn decisive(event: &Event) -> Option<String> {
    let strictest =
        event.reasons.iter().filter(|reason| reason.action > Action::Pass).max_by_key(|one| one.action);
    let reason = strictest?;
    let by = match found(event).filter(|_| reason.stage == Stage::Filter) {
        Some(found) => format!(" ({found})"),
        None => reason.by.as_ref().map_or_else(String::new, |by| format!(" ({by})")),
    };
    Some(output::shown(&format!("{}{by}", reason.code)))
}

fn ended(end: End) -> Option<&'static str> {
    match end {
        End::Complete => None,
        End::Ongoing => Some("still going on"),
        End::ClientGone => Some("the client went away"),
        End::UpstreamFailed => Some("the upstream broke off"),
        End::Stopped => Some("stopped within the response"),
        End::TimedOut => Some("timed out"),
    }
}

/// The rule of the content filter that added most, and where: `sqli-union at query.q`.
fn found(event: &Event) -> Option<String> {
    let matches = event.reasons.iter().filter(|reason| reason.code == "filter.match");
    let found = matches.filter_map(|reason| Some((reason.by.as_ref()?, reason.found.as_deref()?)));
    // Of several alike the first.
    let most = found.rev().max_by_key(|(_, found)| found.score)?;
    Some(format!("{} at {}", most.0, most.1.place))
}
