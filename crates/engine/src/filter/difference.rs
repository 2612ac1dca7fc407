//! A candidate rule set beside the one in force: what it would have said otherwise.
//!
//! Invariant: nothing of it counts; one reason at the end says the difference, if there is one.

use std::collections::BTreeSet;

use portcullis_filter::transaction::Transaction;
use portcullis_model::{Action, Reason, Stage};
use smol_str::SmolStr;

use crate::redact::cut;

/// The longest list of rules told, in bytes.
const LONGEST: usize = 400;

/// A candidate on one exchange.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    pub(crate) transaction: Option<Transaction>,
    /// Of the transaction's matches, how many were looked at.
    pub(crate) told: usize,
    pub(crate) score: i64,
    /// Whether it would refuse.
    pub(crate) refuses: bool,
    /// Rules that would count.
    pub(crate) seen: BTreeSet<SmolStr>,
}

impl Tried {
    /// What it says otherwise than the rules in force, which saw these rules and would refuse or not.
    pub(crate) fn difference(&self, name: &SmolStr, seen: &[SmolStr], refuses: bool) -> Option<Reason> {
        let new: Vec<&str> =
            self.seen.iter().filter(|rule| !seen.contains(rule)).map(SmolStr::as_str).collect();
        let gone: BTreeSet<&str> =
            seen.iter().filter(|rule| !self.seen.contains(*rule)).map(SmolStr::as_str).collect();
        let verdict = match (refuses, self.refuses) {
            (false, true) => Some("would refuse".to_owned()),
            (true, false) => Some("would not refuse".to_owned()),
            _ => None,
        };
        let listed = |what: &str, rules: Vec<&str>| {
            (!rules.is_empty()).then(|| format!("{what} {}", cut(rules.join(", "), LONGEST)))
        };
        let said: Vec<String> =
            [verdict, listed("also matches", new), listed("does not match", gone.into_iter().collect())]
                .into_iter()
                .flatten()
                .collect();
        if said.is_empty() {
            return None;
        }
        let reason = Reason::new(Stage::Filter, SmolStr::new_static("filter.candidate"), Action::Pass);
        Some(reason.by(name.clone()).detail(said.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_told() {
        let tried = Tried {
            seen: ["942100".into(), "942190".into()].into_iter().collect(),
            refuses: true,
            ..Tried::default()
        };
        let said = |seen: &[&str], refuses| {
            let seen: Vec<SmolStr> = seen.iter().map(SmolStr::new).collect();
            tried.difference(&"next".into(), &seen, refuses).and_then(|reason| reason.detail)
        };
        assert_eq!(said(&["942190", "942100"], true), None);
        assert_eq!(
            said(&["942100", "920350"], false).as_deref(),
            Some("would refuse; also matches 942190; does not match 920350")
        );
    }
}
