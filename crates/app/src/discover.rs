//! `portcullis discover`: the APIs in recorded traffic, learned as the gateway would learn them, without one.
//!
//! Invariants: nothing is sent anywhere and nothing is kept; what goes to standard output is the document or the table,
//! everything else goes to standard error. What an API is, is for `inventory` to say.

mod policy;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use portcullis_inventory::{Assessment, Fold, Inventory, Level, Limits, Operation, Standing, openapi};
use portcullis_model::Timestamp;
use serde_json::Value;

use crate::output::{self, Audience, right};
use crate::replay::{self, Recorded, Replayer, recorded};
use crate::{Exit, Misuse, check, cli};

/// The same recording gives the same document everywhere: what is hashed does not leave this program.
const KEY: u64 = 0x706f_7274_6375_6c6c;

/// Carries out the command.
pub(crate) fn run(audience: Audience, options: &cli::Discover) -> Result<Exit> {
    let wanted = options.only.map(standing);
    if wanted.is_some_and(|wanted| wanted != Standing::Zombie) && options.contract.is_empty() {
        let why = "--only compares with what is declared: name the document with --contract FILE";
        return Err(Misuse(why.to_owned()).into());
    }
    let snapshot = match policy::snapshot(options) {
        Ok(snapshot) => snapshot,
        Err(problems) => {
            output::say(&check::rendered(&problems));
            return Ok(Exit::No);
        }
    };
    let recording = recorded::parse(&replay::read(&options.file)?)
        .with_context(|| format!("cannot read {}", options.file.display()))?;
    for skipped in &recording.skipped {
        output::say(&format!("skipped {skipped}"));
    }
    let contract = snapshot.contract(&options.site).cloned();
    let (fold, last) = learn(&Replayer::new(Arc::new(snapshot)), &recording.exchanges, options);
    let inventory = Inventory::of(&fold, contract.as_deref());
    let mut found = inventory.assess(contract.as_deref(), last);
    found.retain(|one| wanted.is_none_or(|wanted| one.standing == Some(wanted)));
    if options.table {
        output::line(&table(&inventory, &found).to_string());
    } else {
        write(audience, &openapi::assessed(&options.site, &inventory, &found));
    }
    say_what_was_found(&found, &fold);
    Ok(Exit::Done)
}

const fn standing(wanted: cli::Standing) -> Standing {
    match wanted {
        cli::Standing::Documented => Standing::Documented,
        cli::Standing::Shadow => Standing::Shadow,
        cli::Standing::Zombie => Standing::Zombie,
        cli::Standing::Dormant => Standing::Dormant,
    }
}

/// Everything the exchanges teach, and the time of the last.
fn learn(replayer: &Replayer, exchanges: &[Recorded], options: &cli::Discover) -> (Fold, Timestamp) {
    let mut fold = Fold::new(options.site.as_str(), KEY, Limits::default());
    let mut last = Timestamp::default();
    let (mut unanswered, mut elsewhere) = (0_usize, 0_usize);
    for (at, exchange) in exchanges.iter().enumerate() {
        if exchange.response.is_none() {
            unanswered += 1;
            continue;
        }
        match replayer.observe(exchange, at) {
            Ok(Some(observation)) if is_wanted(&observation.host, &options.host) => {
                last = last.max(observation.time);
                fold.fold(&observation);
            }
            Ok(_) => elsewhere += 1,
            Err(error) => output::say(&format!("skipped exchange {}: {error:#}", at + 1)),
        }
    }
    if unanswered > 0 {
        output::say(&format!("{unanswered} exchanges have no answer and teach nothing"));
    }
    if elsewhere > 0 {
        output::say(&format!("{elsewhere} exchanges are with other hosts"));
    }
    (fold, last)
}

fn is_wanted(host: &str, wanted: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| one.eq_ignore_ascii_case(host))
}

fn write(audience: Audience, document: &Value) {
    match audience {
        Audience::Programs => output::pretty_json(document),
        Audience::People => output::print(&portcullis_document::to_yaml(document)),
    };
}

fn table(inventory: &Inventory, found: &[Assessment]) -> comfy_table::Table {
    let mut table = output::table(&[
        "operation",
        "standing",
        "authenticated",
        "risk",
        "exchanges",
        "callers",
        "statuses",
        "why",
    ]);
    let mut rows: Vec<&Assessment> = found.iter().collect();
    rows.sort_by_key(|one| std::cmp::Reverse(one.risk.level));
    for one in rows {
        let operation = inventory.operations.iter().find(|known| known.id == one.id);
        table.add_row([
            output::shown(&format!("{} {}", one.method, one.path)).into(),
            one.standing.map_or("–", Standing::as_str).into(),
            one.authenticated.map_or("–", |posture| posture.as_str()).into(),
            one.risk.level.as_str().into(),
            right(operation.map_or(0, |known| known.facts.exchanges)),
            right(operation.map_or(0, |known| known.facts.callers())),
            operation.map_or_else(String::new, statuses).into(),
            reasons(one).into(),
        ]);
    }
    table
}

fn statuses(operation: &Operation) -> String {
    let statuses = operation.facts.statuses.iter();
    statuses.map(|(status, count)| format!("{status} × {count}")).collect::<Vec<_>>().join(", ")
}

/// Why it stands as it does and what there is to fear, where that is worth a word.
fn reasons(one: &Assessment) -> String {
    let standing = one.why.iter().filter(|_| one.standing != Some(Standing::Documented));
    let risk = one.risk.reasons.iter().filter(|_| one.risk.level > Level::Low);
    output::shown(&standing.chain(risk).map(String::as_str).collect::<Vec<_>>().join("; "))
}

fn say_what_was_found(found: &[Assessment], fold: &Fold) {
    let mut standings: BTreeMap<Standing, usize> = BTreeMap::new();
    for standing in found.iter().filter_map(|one| one.standing) {
        *standings.entry(standing).or_default() += 1;
    }
    let told: Vec<String> =
        standings.iter().map(|(standing, count)| format!("{count} {}", standing.as_str())).collect();
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    let exchanges: u64 = fold.folded().values().sum();
    output::say(&format!("{} operations{told} in {exchanges} exchanges", found.len()));
}
