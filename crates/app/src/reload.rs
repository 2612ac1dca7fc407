//! `portcullis reload`: the running gateway reads its policy again, and so do those that share its state.

use std::path::Path;

use anyhow::Result;
use hyper::Method;
use portcullis_admin::api::{Reach, Reload, Reloaded};

use crate::output::{self, Audience};
use crate::{Exit, cli, question};

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Reload) -> Result<Exit> {
    let reach = if options.here { Reach::Here } else { Reach::Everywhere };
    let client = question::client(config)?;
    let done: Reloaded = question::ask(client.send(Method::POST, "/reload", &Reload { reach }))?;
    match audience {
        Audience::Programs => _ = output::json(&done),
        Audience::People => tell(&done),
    }
    let is_done = done.rejected.is_none() && done.told != Some(false);
    Ok(if is_done { Exit::Done } else { Exit::No })
}

fn tell(done: &Reloaded) {
    match (&done.rejected, done.told) {
        (Some(why), _) => output::say(&format!("{why}\nNothing was changed; the policy in force stays.")),
        (None, None) => _ = output::line("The policy is in force."),
        (None, Some(true)) => {
            _ = output::line("The policy is in force; gateways that share the state read theirs.");
        }
        (None, Some(false)) => output::say(
            "The policy is in force here; the server that holds the state did not answer, so no other gateway was told.",
        ),
    }
}
