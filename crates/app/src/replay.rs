//! `portcullis replay`: recorded traffic through the very same engine, offline.
//!
//! Invariants: nothing is sent anywhere and nothing is kept; counters and bans follow the recording's time, so limits
//! decide as they would have.

mod drive;
pub(crate) mod recorded;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use portcullis_events::archive::EventFacts;
use portcullis_model::{Action, Event};

use crate::load::{self, Purpose};
use crate::output::{self, Audience, right};
use crate::{Exit, check, cli, events};
pub(crate) use drive::Replayer;
pub(crate) use recorded::{Arrived, Recorded, RecordedResponse};

/// At most so many exchanges are shown one by one to people.
const SHOWN: usize = 200;

/// Runs the recording.
pub(crate) fn run(config: &Path, audience: Audience, options: &cli::Replay) -> Result<Exit> {
    let only = options.condition.as_deref().map(events::check_condition).transpose()?;
    let loaded = match load::load(config, Purpose::Look) {
        Ok(loaded) => loaded,
        Err(rejected) => {
            output::say(&check::rendered(&rejected.problems));
            return Ok(Exit::No);
        }
    };
    let recording = recorded::parse(&read(&options.file)?)
        .with_context(|| format!("cannot replay {}", options.file.display()))?;
    for skipped in &recording.skipped {
        output::say(&format!("skipped {skipped}"));
    }
    let replayer = Replayer::new(loaded.snapshot);
    let wanted = only.map(|checked| checked.compile());
    let mut replayed = Vec::new();
    for (at, exchange) in recording.exchanges.iter().enumerate() {
        match replayer.replay(exchange, at) {
            Ok(event) if wanted.as_ref().is_none_or(|program| program.holds(&EventFacts::new(&event))) => {
                replayed.push(event);
            }
            Ok(_) => {}
            Err(error) => output::say(&format!("skipped exchange {}: {error:#}", at + 1)),
        }
    }
    match audience {
        Audience::Programs => {
            replayed.iter().all(output::json);
        }
        Audience::People => tell(&replayed),
    }
    Ok(Exit::Done)
}

/// The text of a recording; `-` is standard input.
pub(crate) fn read(file: &Path) -> Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// What people want first: what would be stopped, then the sums.
fn tell(replayed: &[Event]) {
    let notable = |event: &&Event| event.verdict.action > Action::Pass || event.verdict.would_have.is_some();
    let (marked, passed): (Vec<&Event>, Vec<&Event>) = replayed.iter().partition(notable);
    let shown: Vec<&Event> = marked.iter().chain(&passed).take(SHOWN).copied().collect();
    output::line(&events::table(shown.iter().copied()).to_string());
    if replayed.len() > shown.len() {
        output::line(&format!("{} more; --where chooses, --json shows all.", replayed.len() - shown.len()));
    }
    let mut sums: BTreeMap<(Action, String), usize> = BTreeMap::new();
    for event in replayed {
        let standing = event.operation.as_ref().and_then(|operation| operation.standing);
        let standing = standing.map_or_else(|| "–".to_owned(), |standing| standing.as_str().to_owned());
        *sums.entry((event.verdict.action, standing)).or_default() += 1;
    }
    let mut table = output::table(&["verdict", "standing", "exchanges"]);
    for ((action, standing), count) in sums {
        table.add_row([action.to_string().into(), standing.into(), right(count)]);
    }
    output::line(&format!("\n{table}\n{} exchanges replayed; nothing was sent anywhere.", replayed.len()));
}
