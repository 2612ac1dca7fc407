//! From matches to reasons, tags and a decision.

use portcullis_filter::builtin::{Finding, Subject};
use portcullis_filter::transaction::{Disruption, Ender, Interruption, Match, Transaction, Treatment};
use portcullis_model::{Action, Cause, Found, Reason, Stage};
use portcullis_policy::FilterAction;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use crate::filter::{Filtering, Matched, Running, Tried, class_of, evidence};
use crate::redact::{cut, scrub};
use crate::snapshot::Snapshot;
use crate::state::{Answer, State};

use super::look::Both;
use super::{Phase, fail};

/// The longest sentence kept of a rule's message, in bytes.
const LONGEST: usize = 256;

/// Takes up what a look found.
pub(super) fn judge(
    snapshot: &Snapshot,
    filtering: &Filtering,
    state: &mut State,
    mut running: Box<Running>,
    (phase, findings): (Phase, Both),
) -> Box<Running> {
    for finding in once(&findings.current.found) {
        take_finding(snapshot, filtering, state, &mut running, finding);
    }
    take_matches(snapshot, state, &mut running, phase);
    decide_score(snapshot, filtering, state, &mut running);
    decide_interruption(snapshot, filtering, state, &mut running);
    let spent = running.transaction.as_ref().and_then(Transaction::spent);
    if (findings.current.spent || spent.is_some()) && !running.spent {
        running.spent = true;
        fail(filtering, state, "filter.budget");
    }
    if let Some(tried) = running.candidate.as_deref_mut() {
        try_candidate(filtering, tried, &findings.candidate.found);
    }
    running
}

/// What a parameter's value showed counts once, though the query as a whole shows it again.
fn once(found: &[Finding]) -> impl Iterator<Item = &Finding> {
    let in_part = |rule: &SmolStr| {
        found.iter().any(|other| other.rule.id == *rule && other.place.starts_with("query."))
    };
    found.iter().filter(move |finding| finding.place != "query" || !in_part(&finding.rule.id))
}

fn matched(finding: &Finding) -> Matched<'_> {
    let (name, class) = (finding.rule.id.as_str(), Some(finding.rule.class.name()));
    Matched { number: None, name, tags: &[], class, place: &finding.place }
}

fn take_finding(
    snapshot: &Snapshot,
    filtering: &Filtering,
    state: &mut State,
    running: &mut Running,
    finding: &Finding,
) {
    let score = match filtering.handling.treat(&matched(finding)) {
        Treatment::Ignore => return,
        Treatment::Record => 0,
        Treatment::Act => i64::from(finding.score),
    };
    running.score = running.score.saturating_add(score);
    if score > 0 {
        running.seen.push(finding.rule.id.clone());
    }
    let class = SmolStr::new_static(finding.rule.class.name());
    state.tag(&format_smolstr!("filter:{class}"), Cause::Filter(finding.rule.id.clone()));
    if !running.has_room() {
        return;
    }
    let place = match finding.subject {
        Subject::Value => finding.place.clone(),
        Subject::Name => format_smolstr!("{} (name)", finding.place),
    };
    let found = Found {
        class: Some(class),
        matched: evidence(&snapshot.scope(state.place).redact, &finding.place, &finding.matched),
        place: redacted_place(&place),
        places: Vec::new(),
        more_places: false,
        read_as: finding.readings.clone(),
        score,
        threshold: None,
    };
    let reason = Reason::new(Stage::Filter, SmolStr::new_static("filter.match"), Action::Monitor);
    state.note(reason.by(finding.rule.id.clone()).detail(finding.rule.description.clone()).found(found));
}

/// Names are the client's own words, too.
fn redacted_place(place: &str) -> SmolStr {
    cut(scrub(place).into_owned(), LONGEST).into()
}

fn take_matches(snapshot: &Snapshot, state: &mut State, running: &mut Running, phase: Phase) {
    let Some(transaction) = running.transaction.take() else { return };
    for one in transaction.matches().iter().skip(running.told).filter(|one| one.logged) {
        take_match(snapshot, state, running, one, phase);
    }
    running.told = transaction.matches().len();
    running.transaction = Some(transaction);
}

fn take_match(snapshot: &Snapshot, state: &mut State, running: &mut Running, one: &Match, phase: Phase) {
    let rule = one.rule.to_smolstr();
    if one.acted && one.score > 0 {
        running.seen.push(rule.clone());
    }
    let class = one.class.as_deref().map(|class| SmolStr::new(class_of(class)));
    if let Some(class) = &class {
        state.tag(&format_smolstr!("filter:{class}"), Cause::Filter(rule.clone()));
    }
    if !running.has_room() {
        return;
    }
    let found = Found {
        class,
        matched: evidence(&snapshot.scope(state.place).redact, &one.place, &one.matched),
        place: redacted_place(&one.place),
        places: places(one),
        more_places: one.more_places,
        read_as: SmolStr::default(),
        score: if one.acted { one.score } else { 0 },
        threshold: None,
    };
    // Rules that only keep the books, and what is said after the end, are no suspicion.
    let suspicious = phase < Phase::Logging && (found.class.is_some() || found.score > 0);
    let action = if suspicious { Action::Monitor } else { Action::Pass };
    let reason = Reason::new(Stage::Filter, SmolStr::new_static("filter.match"), action);
    let reason = reason.by(rule).found(found);
    state.note(match one.message.as_str() {
        "" => reason,
        message => reason.detail(cut(scrub(message).into_owned(), LONGEST)),
    });
}

/// The places exclusions would have to name, unless that is the one shown.
fn places(one: &Match) -> Vec<SmolStr> {
    match one.places.as_slice() {
        [place] if *place == one.place => Vec::new(),
        places => places.iter().map(|place| redacted_place(place)).collect(),
    }
}

/// The built-in rules' score against the threshold, once.
fn decide_score(snapshot: &Snapshot, filtering: &Filtering, state: &mut State, running: &mut Running) {
    if running.scored || running.score < filtering.threshold {
        return;
    }
    running.scored = true;
    let found = Found { score: running.score, threshold: Some(filtering.threshold), ..Found::default() };
    let reason = Reason::new(Stage::Filter, SmolStr::new_static("filter.score"), action(filtering));
    let reason = reason.by("builtin").found(found);
    let reason = reason.detail(format_smolstr!("score {}, threshold {}", running.score, filtering.threshold));
    state.decide(snapshot.scope(state.place).mode, reason, Answer::status(403));
}

fn action(filtering: &Filtering) -> Action {
    match filtering.action {
        FilterAction::Block => Action::Block,
        FilterAction::Monitor => Action::Monitor,
    }
}

/// A rule of SecLang ended the exchange, or would have.
fn decide_interruption(snapshot: &Snapshot, filtering: &Filtering, state: &mut State, running: &mut Running) {
    let Some(transaction) = running.transaction.as_ref().filter(|_| !running.interrupted) else { return };
    let carried_out = transaction.interruption();
    let Some(interruption) = carried_out.or_else(|| transaction.would_interrupt()) else { return };
    let scores = transaction.scores();
    let (score, threshold) = if scores.inbound >= scores.inbound_threshold {
        (scores.inbound, scores.inbound_threshold)
    } else {
        (scores.outbound, scores.outbound_threshold)
    };
    let by_score = threshold > 0 && score >= threshold;
    let (action, answer) = answer(interruption, action(filtering));
    let because = |code| Reason::new(Stage::Filter, SmolStr::new_static(code), action);
    let reason = match interruption.cause {
        Ender::Limit(directive) => because("filter.limit").by(directive),
        Ender::Rule(rule) if by_score => {
            let found = Found { score, threshold: Some(threshold), ..Found::default() };
            let detail = format_smolstr!("score {score}, threshold {threshold}");
            because("filter.score").by(rule.to_smolstr()).found(found).detail(detail)
        }
        Ender::Rule(rule) => because("filter.rule").by(rule.to_smolstr()),
    };
    let mode = snapshot.scope(state.place).mode;
    let detects = carried_out.is_none() && mode == portcullis_policy::Mode::Block;
    running.interrupted = true;
    // `SecRuleEngine DetectionOnly` in the rules themselves.
    if detects && filtering.action == FilterAction::Block {
        state.note(reason.would_have());
    } else {
        state.decide(mode, reason, answer);
    }
}

fn answer(interruption: &Interruption, wanted: Action) -> (Action, Answer) {
    let status = |range: std::ops::Range<u16>, default| {
        if range.contains(&interruption.status) { interruption.status } else { default }
    };
    match &interruption.kind {
        Disruption::Redirect(url) if wanted == Action::Block && is_field_value(url) => {
            (Action::Redirect, Answer::status(status(300..400, 302)).header("location", url.clone()))
        }
        Disruption::Drop => (wanted, Answer::status(status(400..600, 403)).closing()),
        Disruption::Deny | Disruption::Redirect(_) => (wanted, Answer::status(status(400..600, 403))),
    }
}

/// What an address is expanded from may hold anything a client sent.
fn is_field_value(url: &str) -> bool {
    http::HeaderValue::from_str(url).is_ok()
}

/// Gathers what a candidate found; nothing of it counts.
fn try_candidate(filtering: &Filtering, tried: &mut Tried, found: &[Finding]) {
    let acts = |finding: &&Finding| filtering.handling.treat(&matched(finding)) == Treatment::Act;
    for finding in once(found).filter(acts) {
        tried.score = tried.score.saturating_add(i64::from(finding.score));
        tried.seen.insert(finding.rule.id.clone());
    }
    tried.refuses |= tried.score >= filtering.threshold;
    let Some(transaction) = &tried.transaction else { return };
    let counted = |one: &&Match| one.logged && one.acted && one.score > 0;
    let matches = transaction.matches();
    let new: Vec<SmolStr> =
        matches.iter().skip(tried.told).filter(counted).map(|one| one.rule.to_smolstr()).collect();
    tried.told = matches.len();
    tried.refuses |= transaction.would_interrupt().is_some();
    tried.seen.extend(new);
}
