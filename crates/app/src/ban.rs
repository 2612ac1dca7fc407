//! `portcullis ban`: set, show, lift.
//!
//! Invariant: the value of a session's cookie is read from standard input, never from the command line, which others can
//! see, and only its keyed hash leaves this process.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use portcullis_admin::api::{Bans, LiftBan, Lifted, NewBan};
use portcullis_model::{BanKey, Credential, Timestamp};

use crate::files::FileSources;
use crate::output::{self, Audience};
use crate::{Exit, Misuse, check, cli, question, revoke, secret, serve, span};

/// The longest value of a cookie that is read, in bytes.
const LONGEST_VALUE: u64 = 8192;

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Ban) -> Result<Exit> {
    match command {
        cli::Ban::Add { key, span, site, reason } => {
            let ban = NewBan {
                key: key_of(config, &key)?,
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
            unban(config, audience, &LiftBan { key: key_of(config, &key)?, site: site.map(Into::into) })
        }
    }
}

/// The key that was written; of a session without a hash, that of the value on standard input.
fn key_of(config: &Path, text: &str) -> Result<BanKey> {
    match text.strip_prefix("session:") {
        Some(cookie) if !cookie.contains('/') => session(config, cookie),
        _ => parse_key(text),
    }
}

fn session(config: &Path, cookie: &str) -> Result<BanKey> {
    let read = portcullis_policy::load(&config.to_string_lossy(), &FileSources);
    let Some(policy) = read.policy else { anyhow::bail!(check::rendered(&read.problems)) };
    let mut value = String::new();
    std::io::stdin().take(LONGEST_VALUE).read_to_string(&mut value).context("cannot read standard input")?;
    let value = value.trim();
    if value.is_empty() {
        return Err(Misuse(format!("standard input has no value of the cookie `{cookie}`")).into());
    }
    secret::make_if_absent(&policy)?;
    let secret = policy.secret.read(&FileSources).map_err(|problem| anyhow::anyhow!("{problem}"))?;
    let key = portcullis_engine::session_key(secret.reveal(), cookie, value);
    key.ok_or_else(|| Misuse(format!("`{cookie}` is no name of a cookie")).into())
}

fn parse_key(text: &str) -> Result<BanKey> {
    let refuse = || {
        Misuse(format!(
            "`{text}` is not an address, a network, `identity:PROVIDER/SUBJECT`, `key:ID`, `session:COOKIE` or a tag"
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
