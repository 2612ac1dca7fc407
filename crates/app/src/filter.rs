//! `portcullis filter`: what the content filter sees, and how to let past what should pass.
//!
//! Invariant: nothing is sent anywhere. `try` works offline on the policy; `explain` reads an event of a running gateway.

mod exclusion;
mod request;
mod tell;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use portcullis_model::{Event, Reason, Stage};
use portcullis_policy::{Policy, Site};

use crate::load::{self, Purpose};
use crate::output::{self, Audience};
use crate::{Exit, check, cli, events, question};
use request::RawRequest;

/// The longest request read from standard input, in bytes.
const LONGEST: u64 = 64 << 20;

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Filter) -> Result<Exit> {
    match command {
        cli::Filter::Try { text, put, site, path } => {
            let request = match text {
                Some(text) => RawRequest::with_text(&text, put, &path),
                None => RawRequest::parse(&read()?)?,
            };
            try_out(config, audience, request, site.as_deref())
        }
        cli::Filter::Explain { id } => explain(config, audience, &id),
    }
}

fn read() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().take(LONGEST).read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes)
}

fn try_out(config: &Path, audience: Audience, mut request: RawRequest, site: Option<&str>) -> Result<Exit> {
    let loaded = match load::load(config, Purpose::Look) {
        Ok(loaded) => loaded,
        Err(rejected) => {
            output::say(&check::rendered(&rejected.problems));
            return Ok(Exit::No);
        }
    };
    let asked = named(&loaded.policy, site)?;
    if site.is_some() || request.host().is_none() {
        let host = asked.hosts.first().map(ToString::to_string).unwrap_or_default();
        request.set_host(&host.replace('*', "any"));
    }
    let (arrival, body) = request.into_arrival()?;
    let event = Arc::clone(&loaded.snapshot).try_filter(arrival, body);
    show(audience, &event);
    Ok(if events_refuse(&event) { Exit::No } else { Exit::Done })
}

fn events_refuse(event: &Event) -> bool {
    event.verdict.action.refuses() || event.verdict.would_have.is_some_and(portcullis_model::Action::refuses)
}

/// The site of that name, or the first.
fn named<'a>(policy: &'a Policy, name: Option<&str>) -> Result<&'a Site> {
    let found = policy.sites.iter().find(|site| name.is_none_or(|name| site.name == name));
    found.with_context(|| {
        let names: Vec<&str> = policy.sites.iter().map(|site| site.name.as_str()).collect();
        format!("the policy has no site `{}`; it has {}", name.unwrap_or_default(), names.join(", "))
    })
}

fn explain(config: &Path, audience: Audience, id: &str) -> Result<Exit> {
    let client = question::client(config)?;
    let id = events::parse_id(id)?;
    let event: Event = question::ask(client.get(&format!("/events/{id}")))?;
    if !event.reasons.iter().any(of_the_filter) {
        bail!("the content filter found nothing in {id}");
    }
    show(audience, &event);
    Ok(Exit::Done)
}

fn of_the_filter(reason: &Reason) -> bool {
    reason.stage == Stage::Filter
}

fn show(audience: Audience, event: &Event) {
    let reasons: Vec<&Reason> = event.reasons.iter().filter(|reason| of_the_filter(reason)).collect();
    let smallest = exclusion::smallest(&reasons);
    match audience {
        Audience::Programs => tell::json(event, &reasons, &smallest),
        Audience::People => tell::text(event, &reasons, &smallest),
    }
}
