//! Telling of a match: message, place and bounded evidence.

use bytes::Bytes;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::transaction::outcome::Match;
use crate::transaction::place::place_of;
use crate::transaction::program::{Disruptive, Rule};
use crate::transaction::run::Run;
use crate::transaction::state::{MATCHED, Subject};
use crate::transaction::treatment::Treatment;

impl Run<'_> {
    /// Notes a match of a rule that is logged or ends something.
    pub(super) fn tell(&mut self, rule: &Rule) {
        let outcome = &rule.outcome;
        let passes = matches!(outcome.disruptive, Disruptive::Pass);
        if (!outcome.logged && passes) || self.state.matches.len() == Match::KEPT {
            return;
        }
        let message = outcome.message.as_ref().map(|text| self.expand_string(text)).unwrap_or_default();
        let data = outcome.data.as_ref().map(|text| self.expand_string(text)).unwrap_or_default();
        let shown = self.state.shown.or_else(|| self.state.last.matched.last().copied());
        let (place, matched) = match shown {
            Some(subject) => (self.place(subject), self.evidence(subject)),
            None => Default::default(),
        };
        let (places, more_places) = self.places();
        self.state.matches.push(Match {
            rule: rule.id,
            phase: self.phase as u8 + 1,
            message,
            data,
            severity: outcome.severity,
            tags: outcome.tags.clone(),
            class: outcome.class.clone(),
            place,
            places,
            more_places,
            matched,
            logged: outcome.logged,
            acted: self.acts(),
            score: self.state.added,
        });
    }

    /// What the site makes of a matched value.
    pub(super) fn treat(&mut self, rule: &Rule, subject: Subject) -> Treatment {
        let Some(treatments) = self.state.treatments.clone() else { return Treatment::Act };
        let place = self.place(subject);
        let outcome = &rule.outcome;
        treatments.of(rule.id, &outcome.tags, outcome.class.as_deref(), &place)
    }

    /// Whether the rule at hand acts on what it matched.
    pub(super) fn acts(&self) -> bool {
        self.state.acting == Treatment::Act
    }

    fn place(&self, subject: Subject) -> SmolStr {
        place_of(subject.source, self.state.arena.get(subject.key))
    }

    /// Where the first test matched, each place once, and whether there are more.
    fn places(&self) -> (SmallVec<[SmolStr; 1]>, bool) {
        let mut places = SmallVec::new();
        for hit in &self.state.hits {
            let place = self.place(*hit);
            if places.contains(&place) {
                continue;
            }
            if places.len() == Match::PLACES {
                return (places, true);
            }
            places.push(place);
        }
        (places, self.state.hits.len() == MATCHED)
    }

    fn evidence(&self, subject: Subject) -> Bytes {
        let value = self.state.arena.get(subject.value);
        Bytes::copy_from_slice(value.get(..Match::MATCHED_BYTES).unwrap_or(value))
    }
}
