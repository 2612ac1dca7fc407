//! `portcullis limits`: limits proposed from what the archive holds, as lines for a policy.
//!
//! Invariant: nothing is changed and no gateway is asked; what is proposed is what `check` accepts. What is proposed, and
//! what it would have refused, is for `events` to say.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use portcullis_events::archive::{Order, Query, Reader};
use portcullis_events::suggest::{Observed, Proposal, Trial};
use portcullis_model::{Event, Timestamp};
use serde_json::json;

use crate::files::FileSources;
use crate::output::{self, Audience};
use crate::{Exit, Misuse, check, cli, serve, span};

/// Events read at once.
const PAGE: usize = 1000;
/// The longest name of a limit, its number left out.
const LONGEST_NAME: usize = 56;

/// Carries out the command.
pub(crate) fn run(config: &Path, audience: Audience, command: cli::Limits) -> Result<Exit> {
    let cli::Limits::Suggest(options) = command;
    let read = portcullis_policy::load(&config.to_string_lossy(), &FileSources);
    let Some(policy) = read.policy else {
        output::say(&check::rendered(&read.problems));
        return Ok(Exit::No);
    };
    let Some(archive) = &policy.archive else {
        return Err(Misuse("this policy keeps no archive (`archive: off`)".to_owned()).into());
    };
    let now = serve::now();
    let since = span::parse_time(&options.since, now).map_err(|error| Misuse(error.to_string()))?;
    let path = Path::new(&*archive.sqlite.path.path);
    let reader = Reader::open(path).with_context(|| format!("nothing to go by in {}", path.display()))?;
    let wanted = |event: &Event| options.site.as_ref().is_none_or(|site| event.site.as_deref() == Some(site));
    let mut observed = Observed::default();
    each_event(&reader, since, now, |event| {
        if wanted(event) {
            observed.observe(event);
        }
    })?;
    let mut trial = Trial::new(observed.proposals(options.at_least));
    each_event(&reader, since, now, |event| trial.observe(event))?;
    let limits = named(trial.end());
    show(
        audience,
        &Suggested { limits, sampled: archive.passes.get() < 1.0, uncounted: observed.uncounted() },
    );
    Ok(Exit::Done)
}

/// What is proposed, and how far that can be believed.
struct Suggested {
    /// Each with its name.
    limits: Vec<(String, Proposal)>,
    /// Whether the archive keeps only a share of what passed.
    sampled: bool,
    /// Exchanges that were not looked at.
    uncounted: u64,
}

fn each_event(
    reader: &Reader,
    since: Timestamp,
    until: Timestamp,
    mut see: impl FnMut(&Event),
) -> Result<()> {
    let mut query = Query {
        since: Some(since),
        until: Some(until),
        limit: PAGE,
        order: Order::OldestFirst,
        ..Query::default()
    };
    loop {
        let found = reader.events(&query)?;
        found.events.iter().for_each(&mut see);
        query.after = found.more;
        if query.after.is_none() {
            return Ok(());
        }
    }
}

/// Each with a name of its own.
fn named(proposals: Vec<Proposal>) -> Vec<(String, Proposal)> {
    let mut taken = HashSet::new();
    let printable = |proposal: &Proposal| !proposal.operation.contains(char::is_control);
    let name = |proposal: Proposal| {
        let base = slug(&proposal.operation);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let free = std::iter::once(base.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        (free.unwrap_or(base), proposal)
    };
    proposals.into_iter().filter(printable).map(name).collect()
}

/// `GET /orders/{id}` as `get-orders-id`.
fn slug(operation: &str) -> String {
    let words = operation.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    slug.truncate(LONGEST_NAME);
    if slug.is_empty() { "calls".to_owned() } else { slug }
}

fn show(audience: Audience, suggested: &Suggested) {
    let Suggested { limits, sampled, uncounted } = suggested;
    if audience == Audience::Programs {
        let limits: Vec<_> = limits
            .iter()
            .map(|(name, proposal)| json!({ "name": name, "line": proposal.line(name), "seen": proposal }))
            .collect();
        output::json(&json!({ "limits": limits, "sampled": sampled, "uncounted": uncounted }));
        return;
    }
    if *sampled {
        output::say(
            "The archive keeps only a share of what passed (`archive: passes`): callers did more than it tells.",
        );
    }
    if *uncounted > 0 {
        output::say(&format!("{uncounted} exchanges of further callers were not looked at."));
    }
    if limits.is_empty() {
        output::line("Nothing was called often enough to propose a limit from (see --since, --at-least).");
        return;
    }
    output::print(&policy_lines(limits));
}

/// `sites:` with their limits, to be read into a policy; how each was come by stands above it.
fn policy_lines(limits: &[(String, Proposal)]) -> String {
    let mut text = String::from("sites:\n");
    let mut site = "";
    for (name, proposal) in limits {
        // Writing to a `String` cannot fail.
        if site != proposal.site {
            site = &proposal.site;
            let _ = writeln!(text, "  {site}:\n    limits:");
        }
        let Proposal { callers, exchanges, p99, most, would_refuse, .. } = proposal;
        let _ = write!(
            text,
            "      # {exchanges} exchanges of {callers} callers; 99% never above {p99} in a minute, nobody above \
             {most}; would have refused {} of {} callers\n      {}\n",
            would_refuse.exchanges,
            would_refuse.callers,
            proposal.line(name)
        );
    }
    text
}
