//! Effects of a link: variables set, collections opened, settings changed.

use std::borrow::Cow;
use std::time::Duration;

use portcullis_model::counter::MapChange;
use smol_str::SmolStr;

use crate::seclang::{Collection, Control, Variable};
use crate::transaction::collections::lifetime;
use crate::transaction::program::{Arithmetic, Change, Effect, Link, Number};
use crate::transaction::run::Run;
use crate::transaction::run::expand::LONGEST;
use crate::transaction::slots::{Held, Slot, leading_number, plain_number};
use crate::transaction::text::Text;
use crate::transaction::treatment::Treatment;

/// The most entries of `ENV`.
const ENV: usize = 64;

impl Run<'_> {
    /// Carries out what a link does for one match.
    pub(super) fn perform(&mut self, link: &Link, treatment: Treatment) {
        if treatment != Treatment::Act {
            return;
        }
        for effect in &link.effects {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Count(slot, arithmetic, operand) => self.count_up(*slot, *arithmetic, *operand),
            Effect::Assign(slot, change) => {
                let value = self.changed(self.state.slots.get(*slot), change);
                self.state.slots.set(*slot, value);
            }
            Effect::Set { collection: Collection::Tx, key, change } => self.set_transaction(key, change),
            Effect::Set { collection, key, change } => self.set_persistent(*collection, key, change),
            Effect::Expire { collection, key, seconds } => {
                let field = self.name(key);
                let span = self.expand(seconds);
                let seconds = leading_number(self.state.arena.get(span)).max(0);
                let ttl = Duration::from_secs(seconds.unsigned_abs());
                self.state.collections.change(*collection, MapChange::Expire { field, ttl });
            }
            Effect::Load { collection, key, names } => self.load(*collection, key, *names),
            Effect::SetEnv { name, value } => self.set_env(name, value.as_ref()),
            Effect::Control(control) => self.control(control),
            Effect::RemoveRules(rules) => {
                self.state.controls.remove_rules(rules);
                self.state.settled &= !rules.intersects(&self.program.prologue.settled.gates);
            }
            Effect::RemoveTarget { rules, variable, selector } => {
                self.state.controls.remove_target(rules, *variable, selector);
            }
        }
    }

    fn count_up(&mut self, slot: Slot, arithmetic: Arithmetic, operand: Number) {
        let by = self.number(operand);
        let held = self.state.slots.get(slot).number(&self.state.arena);
        let number = match arithmetic {
            Arithmetic::Set => by,
            Arithmetic::Add => held.saturating_add(by),
            Arithmetic::Subtract => held.saturating_sub(by),
        };
        self.state.slots.set(slot, Held::Number(number));
        if arithmetic == Arithmetic::Add && self.program.slots.is_score(slot) {
            self.state.added = self.state.added.saturating_add(by);
        }
    }

    fn set_transaction(&mut self, key: &Text, change: &Change) {
        let program = self.program;
        let name = self.expand(key);
        let held = match change {
            Change::Set(_) | Change::Remove => Held::Absent,
            Change::Add(_) | Change::Subtract(_) => {
                let name = text_of(self.state.arena.get(name));
                self.state.slots.get_named(&program.slots, &name)
            }
        };
        let value = self.changed(held, change);
        let name = text_of(self.state.arena.get(name));
        self.state.slots.set_named(&program.slots, &name, value);
    }

    fn changed(&mut self, held: Held, change: &Change) -> Held {
        match change {
            Change::Remove => Held::Absent,
            Change::Set(text) => {
                let span = self.expand(text);
                plain_number(self.state.arena.get(span)).map_or(Held::Text(span), Held::Number)
            }
            Change::Add(text) => {
                Held::Number(held.number(&self.state.arena).saturating_add(self.text_number(text)))
            }
            Change::Subtract(text) => {
                Held::Number(held.number(&self.state.arena).saturating_sub(self.text_number(text)))
            }
        }
    }

    fn set_persistent(&mut self, collection: Collection, key: &Text, change: &Change) {
        let field = self.name(key);
        let change = match change {
            Change::Set(text) => {
                let ttl = lifetime(self.program.config.collection_timeout);
                MapChange::Set { field, value: self.expand_string(text).into(), ttl }
            }
            Change::Add(text) => MapChange::Add { field, by: self.text_number(text), ttl: None },
            Change::Subtract(text) => {
                MapChange::Add { field, by: self.text_number(text).saturating_neg(), ttl: None }
            }
            Change::Remove => MapChange::Remove { field },
        };
        self.state.collections.change(collection, change);
    }

    fn load(&mut self, collection: Collection, key: &Text, names: Option<Variable>) {
        let span = self.expand(key);
        match names {
            Some(Variable::SessionId) => self.state.session = Some(span),
            Some(Variable::UserId) => self.state.user = Some(span),
            _ => {}
        }
        let key = String::from_utf8_lossy(self.state.arena.get(span)).into_owned();
        self.state.collections.open(collection, key);
    }

    fn set_env(&mut self, name: &Text, value: Option<&Text>) {
        let name = self.expand_string(name);
        self.state.env.retain(|(known, _)| *known != name);
        if let Some(value) = value
            && self.state.env.len() < ENV
        {
            let value = self.expand(value);
            self.state.env.push((name, value));
        }
    }

    fn control(&mut self, control: &Control) {
        let controls = &mut self.state.controls;
        match control {
            Control::Engine(mode) => controls.engine = *mode,
            Control::RequestBodyAccess(switch) => controls.request_body_access = *switch,
            Control::ResponseBodyAccess(switch) => controls.response_body_access = *switch,
            Control::ForceRequestBodyVariable(switch) => controls.force_request_body = *switch,
            Control::BodyProcessor(processor) => controls.processor = Some(*processor),
            Control::RequestBodyLimit(limit) => controls.request_body_limit = *limit,
            Control::ResponseBodyLimit(limit) => controls.response_body_limit = *limit,
            Control::XmlIntoArgs(arguments) => controls.xml_into_args = *arguments,
            // Compiled to effects of their own.
            Control::RemoveRules(_) | Control::RemoveTarget(..) => {}
        }
    }

    /// A name, expanded, in lower case.
    fn name(&mut self, text: &Text) -> SmolStr {
        if let Text::Plain(plain) = text {
            return plain.clone();
        }
        self.expand_string(text).to_ascii_lowercase().into()
    }

    fn text_number(&mut self, text: &Text) -> i64 {
        let span = self.expand(text);
        leading_number(self.state.arena.get(span))
    }
}

/// The text of a name, cut where it is very long.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.get(..LONGEST).unwrap_or(bytes))
}

impl Link {
    /// Whether its effects could look at what matched.
    pub(super) fn reads_match(&self) -> bool {
        self.effects.iter().any(|effect| {
            !matches!(
                effect,
                Effect::Count(..) | Effect::RemoveRules(_) | Effect::Assign(_, Change::Set(Text::Plain(_)))
            )
        })
    }
}
