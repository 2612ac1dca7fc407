//! `portcullis revoke`: take credentials back, show which are, give one back.
//!
//! A revocation is kept and told as bans are; it does not know how.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use portcullis_admin::api::{Bans, LiftBan, NewBan};
use portcullis_model::{Ban, BanKey, Credential};

use crate::output::{self, Audience};
use crate::{Exit, Misuse, ban, cli, serve, span};

/// What lasts until it is given back.
const FOR_GOOD: Duration = Duration::from_hours(100 * 365 * 24);

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Revoke) -> Result<Exit> {
    match command {
        cli::Revoke::Token(taken) => take(config, audience, "token", taken),
        cli::Revoke::Subject(taken) => take(config, audience, "subject", taken),
        cli::Revoke::Key(taken) => take(config, audience, "key", taken),
        cli::Revoke::Certificate(taken) => take(config, audience, "certificate", taken),
        cli::Revoke::Ls => list(config, audience),
        cli::Revoke::Rm { credential } => give_back(config, audience, &parse(&credential)?),
    }
}

fn parse(text: &str) -> Result<Credential> {
    let refuse = || {
        Misuse(format!(
            "`{text}` is not `token:ID`, `subject:PROVIDER/SUBJECT`, `key:ID` or `certificate:SHA256`"
        ))
    };
    Ok(Credential::parse(text).ok_or_else(refuse)?)
}

fn take(config: &Path, audience: Audience, kind: &str, taken: cli::Taken) -> Result<Exit> {
    let lasts = taken.span.as_deref().map(span::parse).transpose();
    let wanted = NewBan {
        key: BanKey::Credential(parse(&format!("{kind}:{}", taken.name))?),
        site: None,
        seconds: lasts.map_err(|error| Misuse(error.to_string()))?.unwrap_or(FOR_GOOD).as_secs(),
        reason: taken.reason.into(),
        by: "command line".into(),
    };
    show(audience, &ban::set(config, &wanted)?);
    Ok(Exit::Done)
}

fn list(config: &Path, audience: Audience) -> Result<Exit> {
    let mut bans = ban::held(config)?;
    bans.bans.retain(is_revocation);
    if bans.bans.is_empty() && audience == Audience::People {
        output::line("Nothing is revoked.");
    } else {
        show(audience, &bans);
    }
    Ok(Exit::Done)
}

fn give_back(config: &Path, audience: Audience, credential: &Credential) -> Result<Exit> {
    let wanted = LiftBan { key: BanKey::Credential(credential.clone()), site: None };
    let done = ban::lift(config, &wanted)?;
    match (audience, done.lifted) {
        (Audience::Programs, _) => output::json(&done),
        (Audience::People, true) => output::line(&format!("{credential} is no longer revoked.")),
        (Audience::People, false) => output::line(&format!("{credential} was not revoked.")),
    };
    Ok(if done.lifted { Exit::Done } else { Exit::No })
}

/// Whether a ban takes a credential back.
pub(crate) fn is_revocation(ban: &Ban) -> bool {
    matches!(ban.key, BanKey::Credential(_))
}

fn show(audience: Audience, revocations: &Bans) {
    if audience == Audience::Programs {
        output::json(revocations);
        return;
    }
    let now = serve::now();
    let mut table = output::table(&["revoked", "for", "by", "reason"]);
    for one in &revocations.bans {
        let left = one.until.since(now);
        let until = if left > FOR_GOOD / 2 {
            "until given back".to_owned()
        } else {
            format!("another {}", span::short(left))
        };
        let shown = [one.key.to_string(), until, one.by.to_string(), one.reason.to_string()];
        table.add_row(shown.map(|cell| output::shown(&cell)));
    }
    output::line(&table.to_string());
}
