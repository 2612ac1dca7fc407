//! Values that are made up when a rule asks for them: `TX`, what matched, persistent collections, the rule itself.

use smol_str::SmolStr;

use crate::seclang::{Collection, Variable};
use crate::transaction::arena::Span;
use crate::transaction::program::{Rule, Target};
use crate::transaction::run::Run;
use crate::transaction::slots::Held;
use crate::transaction::state::Subject;

impl Run<'_> {
    /// The values of a target over such a variable.
    pub(super) fn collect_live(&mut self, rule: &Rule, target: &Target, subjects: &mut Vec<Subject>) {
        match target.variable {
            Variable::Tx => self.collect_slots(target, subjects),
            Variable::MatchedVars | Variable::MatchedVarsNames => self.collect_matched(target, subjects),
            Variable::Rule => self.collect_rule(rule, target, subjects),
            Variable::Env => {
                let env = self.state.env.clone();
                for (name, value) in env {
                    self.add(target, name.as_bytes(), value, subjects);
                }
            }
            other => match collection_of(other) {
                Some(collection) => {
                    let fields: Vec<(SmolStr, SmolStr)> = self.state.collections.fields(collection).to_vec();
                    for (name, value) in fields {
                        let value = self.state.arena.push(value.as_bytes());
                        self.add(target, name.as_bytes(), value, subjects);
                    }
                }
                None => {
                    if let Some(value) = self.live_single(other) {
                        self.add(target, b"", value, subjects);
                    }
                }
            },
        }
        let (controls, arena) = (&self.state.controls, &self.state.arena);
        let looks = |subject: &Subject| {
            subject.variable != target.variable
                || controls.looks_at(rule.number, subject.variable, arena.get(subject.key))
        };
        subjects.retain(looks);
    }

    /// How many values such a target has.
    pub(super) fn count_live(&mut self, target: &Target) -> usize {
        match (target.variable, collection_of(target.variable)) {
            (Variable::Tx, _) => {
                let slots = &self.state.slots;
                let named = target.slots.iter().filter(|slot| slots.get(**slot) != Held::Absent);
                let others = slots.others().iter().filter(|(name, _)| target.accepts(name.as_bytes()));
                named.count() + others.count()
            }
            (Variable::MatchedVars | Variable::MatchedVarsNames, _) => self.state.last.matched.len(),
            (Variable::Env, _) => {
                self.state.env.iter().filter(|(name, _)| target.accepts(name.as_bytes())).count()
            }
            (_, Some(collection)) => {
                let fields = self.state.collections.fields(collection).iter();
                fields.filter(|(name, _)| target.accepts(name.as_bytes())).count()
            }
            (other, None) => usize::from(self.live_single(other).is_some()),
        }
    }

    /// The value of a live variable that has one at most.
    pub(super) fn live_single(&mut self, variable: Variable) -> Option<Span> {
        let state = &mut *self.state;
        match variable {
            Variable::MatchedVar => state.last.matched.last().map(|matched| matched.value),
            Variable::MatchedVarName => {
                let matched = *state.last.matched.last()?;
                Some(self.full_name(matched))
            }
            Variable::HighestSeverity => {
                let severity = state.highest_severity.map_or(255, i64::from);
                Some(state.arena.push_number(severity))
            }
            Variable::MscPcreError | Variable::MscPcreLimitsExceeded => {
                let exhausted = i64::from(self.cache.work.exhausted);
                Some(state.arena.push_number(exhausted))
            }
            Variable::ReqbodyProcessor => {
                let name = state.controls.processor.map_or("", |processor| processor.name());
                Some(state.arena.push(name.as_bytes()))
            }
            Variable::SessionId => state.session,
            Variable::UserId => state.user,
            Variable::Duration => {
                let elapsed = i64::try_from(state.elapsed.as_micros()).unwrap_or(i64::MAX);
                Some(state.arena.push_number(elapsed))
            }
            _ => None,
        }
    }

    /// `ARGS:q`, as `MATCHED_VAR_NAME` shows it.
    pub(super) fn full_name(&mut self, subject: Subject) -> Span {
        let arena = &mut self.state.arena;
        let start = arena.begin();
        arena.append(subject.variable.name().as_bytes());
        if subject.key.len() > 0 {
            arena.append(b":");
            arena.append_span(subject.key);
        }
        arena.end(start)
    }

    fn collect_slots(&mut self, target: &Target, subjects: &mut Vec<Subject>) {
        let program = self.program;
        for slot in &target.slots {
            let held = self.state.slots.get(*slot);
            if let Some(value) = held.span(&mut self.state.arena) {
                self.add_accepted(target, program.slots.of(*slot).as_bytes(), value, subjects);
            }
        }
        for other in 0..self.state.slots.others().len() {
            let Some((name, held)) = self.state.slots.others().get(other).cloned() else { break };
            if target.accepts(name.as_bytes())
                && let Some(value) = held.span(&mut self.state.arena)
            {
                self.add_accepted(target, name.as_bytes(), value, subjects);
            }
        }
    }

    fn collect_matched(&mut self, target: &Target, subjects: &mut Vec<Subject>) {
        for index in 0..self.state.last.matched.len() {
            let Some(matched) = self.state.last.matched.get(index).copied() else { break };
            let name = self.full_name(matched);
            if !target.accepts(self.state.arena.get(name)) {
                continue;
            }
            let value = if target.variable == Variable::MatchedVars { matched.value } else { name };
            let (variable, source) = (target.variable, matched.source);
            subjects.push(Subject { variable, source, key: name, value, text: None, entry: None });
        }
    }

    /// `RULE:id` and its kin.
    fn collect_rule(&mut self, rule: &Rule, target: &Target, subjects: &mut Vec<Subject>) {
        for name in ["id", "rev", "severity", "logdata", "msg", "ver"] {
            if let Some(value) = self.rule_field(rule, name) {
                self.add(target, name.as_bytes(), value, subjects);
            }
        }
    }

    /// One field of the rule itself.
    pub(super) fn rule_field(&mut self, rule: &Rule, name: &str) -> Option<Span> {
        let outcome = &rule.outcome;
        let text = match name.to_ascii_lowercase().as_str() {
            "id" => return Some(self.state.arena.push_number(i64::from(rule.id))),
            "severity" => {
                return outcome.severity.map(|severity| self.state.arena.push_number(severity as i64));
            }
            "msg" => return outcome.message.as_ref().map(|text| self.expand(text)),
            "logdata" => return outcome.data.as_ref().map(|text| self.expand(text)),
            "rev" => outcome.revision.as_ref()?,
            "ver" => outcome.version.as_ref()?,
            _ => return None,
        };
        Some(self.state.arena.push(text.as_bytes()))
    }

    fn add(&mut self, target: &Target, key: &[u8], value: Span, subjects: &mut Vec<Subject>) {
        if target.accepts(key) {
            self.add_accepted(target, key, value, subjects);
        }
    }

    fn add_accepted(&mut self, target: &Target, key: &[u8], value: Span, subjects: &mut Vec<Subject>) {
        let key = self.state.arena.push(key);
        let (variable, source) = (target.variable, target.variable);
        subjects.push(Subject { variable, source, key, value, text: None, entry: None });
    }
}

/// The persistent collection a variable shows.
pub(super) fn collection_of(variable: Variable) -> Option<Collection> {
    match variable {
        Variable::Global => Some(Collection::Global),
        Variable::Ip => Some(Collection::Ip),
        Variable::Resource => Some(Collection::Resource),
        Variable::Session => Some(Collection::Session),
        Variable::User => Some(Collection::User),
        _ => None,
    }
}
