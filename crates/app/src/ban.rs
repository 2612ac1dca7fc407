//! `portcullis ban`: set, show, lift.

use std::path::Path;

use anyhow::Result;
use portcullis_admin::api::{Bans, LiftBan, Lifted, NewBan};
use portcullis_model::{BanKey, Credential, Timestamp};

use crate::output::{self, Audience};
use crate::{Exit, Misuse, cli, question, revoke, serve, span};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Ban) -> Result<Exit> {
    match command {
        cli::Ban::Add { key, span, site, reason } => {
            let ban = NewBan {
                key: parse_key(&key)?,
                site: site.map(Into::into),
                seconds: span::parse(&span).map_err(|error| Misuse(error.to_string()))?.as_secs(),
                reason: reason.into(),
                by: "command line".into(),
            };
            show(audience, &set(config, &ban)?);
            Ok(Exit::Done)
        }
        cli::Ban::Ls => list(config, audience),
        cli::Ban::Rm { key, site } => {
            unban(config, audience, &LiftBan { key: parse_key(&key)?, site: site.map(Into::into) })
        }
    }
}

fn parse_key(text: &str) -> Result<BanKey> {
    let refuse = || {
        Misuse(format!(
            "`{text}` is not an address, a network, `identity:PROVIDER/SUBJECT`, `key:ID` or a tag"
        ))
    };
    match BanKey::parse(text) {
        // What is banned is who calls with it; what it proves stays proved.
        Some(BanKey::Credential(Credential::Key(id))) => Ok(BanKey::Tag(format!("credential:{id}").into())),
        Some(BanKey::Credential(_)) => {
            Err(Misuse(format!("`{text}` is taken back by `portcullis revoke`")).into())
        }
        key => Ok(key.ok_or_else(refuse)?),
    }
}

/// Has the running gateway set a ban.
pub(crate) fn set(config: &Path, ban: &NewBan) -> Result<Bans> {
    let client = question::client(config)?;
    question::ask(client.send(hyper::Method::POST, "/bans", ban))
}

/// What the running gateway holds, revocations among them.
pub(crate) fn held(config: &Path) -> Result<Bans> {
    question::ask(question::client(config)?.get("/bans"))
}

/// Has the running gateway lift one.
pub(crate) fn lift(config: &Path, ban: &LiftBan) -> Result<Lifted> {
    let client = question::client(config)?;
    question::ask(client.send(hyper::Method::DELETE, "/bans", ban))
}

fn list(config: &Path, audience: Audience) -> Result<Exit> {
    let mut bans = held(config)?;
    bans.bans.retain(|ban| !revoke::is_revocation(ban));
    if bans.bans.is_empty() && audience == Audience::People {
        output::line("No bans are in force.");
    } else {
        show(audience, &bans);
    }
    Ok(Exit::Done)
}

fn unban(config: &Path, audience: Audience, ban: &LiftBan) -> Result<Exit> {
    let done = lift(config, ban)?;
    match (audience, done.lifted) {
        (Audience::Programs, _) => output::json(&done),
        (Audience::People, true) => output::line(&format!("{} is no longer banned.", ban.key)),
        (Audience::People, false) => output::line(&format!("There was no such ban: {}.", ban.key)),
    };
    Ok(if done.lifted { Exit::Done } else { Exit::No })
}

fn show(audience: Audience, bans: &Bans) {
    if audience == Audience::Programs {
        output::json(bans);
        return;
    }
    let now = serve::now();
    let mut table = output::table(&["banned", "site", "for", "by", "reason"]);
    for ban in &bans.bans {
        table.add_row([
            output::shown(&ban.key.to_string()),
            ban.site.as_deref().unwrap_or("every site").to_owned(),
            left(ban.until, now),
            output::shown(&ban.by),
            output::shown(&ban.reason),
        ]);
    }
    output::line(&table.to_string());
}

fn left(until: Timestamp, now: Timestamp) -> String {
    format!("another {}", span::short(until.since(now)))
}
