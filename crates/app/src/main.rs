//! The `portcullis` binary: reads the command line, carries out the command, answers with an exit code.

mod acme;
mod adopt;
mod alerts;
mod allocator;
mod apart;
mod api;
mod ban;
mod bundle;
mod check;
mod cli;
mod discover;
mod doctor;
mod events;
mod explain;
mod files;
mod filter;
mod findings;
mod freeze;
mod key;
mod key_uses;
mod limits;
mod lint;
mod load;
mod manual;
mod migrate;
mod output;
mod question;
mod reload;
mod remote;
mod replay;
mod revoke;
mod rules;
mod schema;
mod secret;
mod serve;
mod shared;
mod span;
mod top;
mod traces;
mod versions;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use output::Audience;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

/// How a command ended, as its exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, or the answer is yes.
    Done,
    /// 1: the answer is no.
    No,
    /// 2: used wrongly.
    Misused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::from(0),
            Exit::No => Self::from(1),
            Exit::Misused => Self::from(2),
        }
    }
}

/// A mistake in what was typed (rather than in a file), so that the exit code is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(pub(crate) String);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let audience = Audience::chosen(cli.common.json);
    let config = cli.common.config.as_path();
    let done = match cli.command {
        Command::Serve(options) => serve::run(config, audience, &options),
        Command::Reload(options) => reload::run(config, audience, &options),
        Command::Check => Ok(check::run(config, audience)),
        Command::Bundle(options) => bundle::run(config, audience, &options),
        Command::Completions { shell } => Ok(manual::completions(shell)),
        Command::Man { folder } => manual::man(audience, &folder),
        Command::Doctor => doctor::run(config, audience),
        Command::Explain(options) => explain::run(config, audience, &options),
        Command::Replay(options) => replay::run(config, audience, &options),
        Command::Discover(options) => discover::run(audience, &options),
        Command::Events(options) => events::run(config, audience, &options),
        Command::Api(command) => api::run(config, audience, command),
        Command::Findings(options) => findings::run(config, audience, options),
        Command::Top(options) => top::run(config, audience, &options),
        Command::Ban(command) => ban::run(config, audience, command),
        Command::Revoke(command) => revoke::run(config, audience, command),
        Command::Migrate(options) => migrate::run(audience, &options),
        Command::Limits(command) => limits::run(config, audience, command),
        Command::Key(command) => key::run(config, audience, command),
        Command::Filter(command) => filter::run(config, audience, command),
        Command::Rules(command) => rules::run(config, audience, command),
        Command::Schema(options) => Ok(schema::run(options.of)),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::say(&format!("portcullis: {error:#}"));
            if error.is::<Misuse>() { Exit::Misused.into() } else { Exit::No.into() }
        }
    }
}
