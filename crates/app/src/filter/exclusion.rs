//! The smallest exclusion that would let an exchange pass.
//!
//! Invariants: an exclusion names one rule at one place; a rule that matched at several is excluded at all of them, or
//! everywhere if there were more than an event keeps; as few rules as possible are given, those that added most first,
//! until what is left stays below the threshold. Places lose their indexes, so that the next item passes as well.

use portcullis_model::{Found, Reason};
use smol_str::SmolStr;

/// One line of `exclude`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Exclusion {
    /// The rule's id.
    pub(super) rule: String,
    /// The place, as policy writes it; absent where the rule says none.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub(super) location: Option<String>,
}

impl std::fmt::Display for Exclusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{{ rule: {}, where: {} }}", self.rule, quoted(location)),
            None => write!(f, "{{ rule: {} }}", self.rule),
        }
    }
}

/// A flow scalar of YAML.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// What to exclude; nothing where the filter decided nothing.
pub(super) fn smallest(reasons: &[&Reason]) -> Vec<Exclusion> {
    let mut all = Vec::new();
    for decision in reasons.iter().filter(|reason| reason.code == "filter.score") {
        let builtin = decision.by.as_deref() == Some("builtin");
        let Some((score, threshold)) =
            decision.found.as_ref().and_then(|found| Some((found.score, found.threshold?)))
        else {
            continue;
        };
        all.extend(below(score, threshold, counted(reasons, builtin)));
    }
    for decision in reasons.iter().filter(|reason| reason.code == "filter.rule") {
        let rule = decision.by.as_deref().unwrap_or_default();
        let found = reasons.iter().find(|reason| is_match(reason) && reason.by.as_deref() == Some(rule));
        all.extend(exclusions(rule, found.and_then(|reason| reason.found.as_deref())));
    }
    let mut seen = Vec::new();
    all.retain(|exclusion| {
        let new = !seen.contains(exclusion);
        seen.push(exclusion.clone());
        new
    });
    all
}

/// A rule at every place by which it can be excluded.
fn exclusions(rule: &str, found: Option<&Found>) -> Vec<Exclusion> {
    let at = |location| Exclusion { rule: rule.to_owned(), location };
    let Some(found) = found.filter(|found| !found.more_places) else { return vec![at(None)] };
    let named: &[SmolStr] =
        if found.places.is_empty() { std::slice::from_ref(&found.place) } else { &found.places };
    let mut exclusions: Vec<Exclusion> = named.iter().map(|name| at(Some(place(name)))).collect();
    exclusions.dedup();
    exclusions
}

fn is_match(reason: &Reason) -> bool {
    reason.code == "filter.match"
}

/// Matches that added to a score: of the built-in rules, whose ids are words, or of SecLang's, whose ids are numbers.
fn counted(reasons: &[&Reason], builtin: bool) -> Vec<(i64, Vec<Exclusion>)> {
    let mut sums: Vec<(i64, Vec<Exclusion>)> = Vec::new();
    for reason in reasons.iter().filter(|reason| is_match(reason)) {
        let (Some(rule), Some(found)) = (&reason.by, reason.found.as_deref()) else { continue };
        let numbered = rule.bytes().all(|byte| byte.is_ascii_digit());
        if found.score <= 0 || numbered == builtin {
            continue;
        }
        let exclusions = exclusions(rule, Some(found));
        match sums.iter_mut().find(|(_, known)| *known == exclusions) {
            Some((sum, _)) => *sum += found.score,
            None => sums.push((found.score, exclusions)),
        }
    }
    sums
}

/// Those that added most, until the rest is below the threshold.
fn below(score: i64, threshold: i64, mut counted: Vec<(i64, Vec<Exclusion>)>) -> Vec<Exclusion> {
    counted.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let mut left = score;
    let mut chosen = Vec::new();
    for (score, exclusions) in counted {
        if left < threshold {
            break;
        }
        left -= score;
        chosen.extend(exclusions);
    }
    chosen
}

/// `body.items[*].note` for `body.items[2].note`; a name that matched is excluded with its value.
fn place(name: &str) -> String {
    let whole = name.strip_suffix(" (name)").unwrap_or(name);
    let mut out = String::with_capacity(whole.len());
    let mut rest = whole;
    while let Some((before, after)) = rest.split_once('[') {
        let (index, behind) = after.split_once(']').unwrap_or((after, ""));
        let number = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        out.extend([before, "[", if number { "*" } else { index }, "]"]);
        rest = behind;
    }
    out.push_str(rest);
    out
}
