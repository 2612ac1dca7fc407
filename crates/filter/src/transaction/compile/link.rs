//! One link of a chain: its test in the cheapest form that says the same, and its effects.

use smol_str::SmolStr;

use crate::seclang::{self, Collection, Control, Kind, Selector, SetVar, Variable};
use crate::transaction::compile::Compiler;
use crate::transaction::program::{
    Arithmetic, Capture, Change, Counted, Effect, Link, MultiMatch, Negated, Number, Relation, SlotRead,
    SlotTest, Target, Test, ValueTest,
};
use crate::transaction::slots::plain_number;
use crate::transaction::text::Text;
use crate::transform::Transformation;

impl Compiler<'_> {
    pub(super) fn link(&mut self, link: &seclang::Link) -> Link {
        let test = match &link.test {
            seclang::Test::Always => Test::Always,
            seclang::Test::Values { targets, operator } => self.test(link, targets, operator),
        };
        Link {
            test,
            transformations: link.transformations.iter().copied().collect(),
            multi_match: if link.multi_match { MultiMatch::Yes } else { MultiMatch::No },
            capture: if link.capture { Capture::Yes } else { Capture::No },
            effects: link.effects.iter().map(|effect| self.effect(effect)).collect(),
        }
    }

    fn test(
        &mut self,
        link: &seclang::Link,
        targets: &[seclang::Target],
        call: &seclang::OperatorCall,
    ) -> Test {
        if let Some(test) = self.slot_test(link, targets, call) {
            return Test::Slot(test);
        }
        for target in targets.iter().filter(|target| target.kind != Kind::Except) {
            self.want(target.variable);
            if let (Variable::Xml, Selector::Key(path)) = (target.variable, &target.selector) {
                self.path(path, &link.place);
            }
        }
        self.operators.push(call.compiled.clone());
        let dynamic = call.compiled.is_dynamic();
        let count = self.count_test(link, targets, call);
        Test::Values(ValueTest {
            count,
            targets: compile_targets(targets),
            operator: self.operators.len() - 1,
            negated: if call.negated { Negated::Yes } else { Negated::No },
            argument: dynamic.then(|| self.text(&call.argument)),
            item: None,
        })
    }

    /// A comparison of one variable of `TX` with a number, if the link is nothing else.
    fn slot_test(
        &mut self,
        link: &seclang::Link,
        targets: &[seclang::Target],
        call: &seclang::OperatorCall,
    ) -> Option<SlotTest> {
        let [seclang::Target { variable: Variable::Tx, selector: Selector::Key(name), kind }] = targets
        else {
            return None;
        };
        let harmless =
            |step: &Transformation| matches!(step, Transformation::Lowercase | Transformation::Uppercase);
        if link.capture || !link.transformations.iter().all(harmless) {
            return None;
        }
        let relation = relation(&call.name, call.negated)?;
        let operand = number(&Text::compile(&call.argument, &mut self.slots))?;
        let read = match kind {
            Kind::Values => SlotRead::Value,
            Kind::Count => SlotRead::Count,
            Kind::Except => return None,
        };
        Some(SlotTest { slot: self.slots.name(name), read, relation, operand })
    }

    /// What the number of values has to be, if the link compares nothing but that with a number.
    fn count_test(
        &mut self,
        link: &seclang::Link,
        targets: &[seclang::Target],
        call: &seclang::OperatorCall,
    ) -> Option<(Relation, i64)> {
        let mut meant = targets.iter().filter(|target| target.kind != Kind::Except);
        let only = meant.next().filter(|_| meant.next().is_none())?;
        if only.kind != Kind::Count || !link.transformations.is_empty() {
            return None;
        }
        let Number::Plain(number) = number(&Text::compile(&call.argument, &mut self.slots))? else {
            return None;
        };
        Some((relation(&call.name, call.negated)?, number))
    }

    fn effect(&mut self, effect: &seclang::Effect) -> Effect {
        match effect {
            seclang::Effect::SetVar(set) => self.set_var(set),
            seclang::Effect::ExpireVar { collection, key, seconds } => {
                Effect::Expire { collection: *collection, key: self.text(key), seconds: self.text(seconds) }
            }
            seclang::Effect::InitCollection(collection, key) => self.load(*collection, key, None),
            seclang::Effect::SetSession(key) => {
                self.load(Collection::Session, key, Some(Variable::SessionId))
            }
            seclang::Effect::SetUser(key) => self.load(Collection::User, key, Some(Variable::UserId)),
            seclang::Effect::SetResource(key) => self.load(Collection::Resource, key, None),
            seclang::Effect::SetEnv(name, value) => {
                Effect::SetEnv { name: self.text(name), value: value.as_ref().map(|value| self.text(value)) }
            }
            seclang::Effect::Control(control) => self.control(control),
        }
    }

    fn load(&mut self, collection: Collection, key: &seclang::Macro, names: Option<Variable>) -> Effect {
        Effect::Load { collection, key: self.text(key), names }
    }

    fn control(&mut self, control: &Control) -> Effect {
        match control {
            Control::RemoveRules(selector) => Effect::RemoveRules(self.selected(selector)),
            Control::RemoveTarget(selector, target) => Effect::RemoveTarget {
                rules: self.selected(selector),
                variable: target.variable,
                selector: target.selector.clone(),
            },
            other => Effect::Control(other.clone()),
        }
    }

    fn set_var(&mut self, set: &SetVar) -> Effect {
        let key = self.text(&set.key);
        let change = match &set.change {
            seclang::Change::Set(value) => Change::Set(self.text(value)),
            seclang::Change::Add(value) => Change::Add(self.text(value)),
            seclang::Change::Subtract(value) => Change::Subtract(self.text(value)),
            seclang::Change::Remove => Change::Remove,
        };
        if set.collection == Collection::Tx
            && let Some(name) = key.plain()
            && let Some((arithmetic, operand)) = arithmetic(&change)
        {
            return Effect::Count(self.slots.name(name), arithmetic, operand);
        }
        if let Some(name) = key.plain().filter(|_| set.collection == Collection::Tx) {
            return Effect::Assign(self.slots.name(name), change);
        }
        Effect::Set { collection: set.collection, key, change }
    }
}

/// A change by or to a number; a slot can only be added, since setting would have to copy text as well.
fn arithmetic(change: &Change) -> Option<(Arithmetic, Number)> {
    match change {
        Change::Set(value) => match number(value)? {
            Number::Plain(number) => Some((Arithmetic::Set, Number::Plain(number))),
            Number::Slot(_) => None,
        },
        Change::Add(value) => Some((Arithmetic::Add, number(value)?)),
        Change::Subtract(value) => Some((Arithmetic::Subtract, number(value)?)),
        Change::Remove => None,
    }
}

fn number(text: &Text) -> Option<Number> {
    let slot = || text.only_slot().map(Number::Slot);
    text.plain().and_then(|text| plain_number(text.as_bytes())).map(Number::Plain).or_else(slot)
}

fn relation(operator: &str, negated: bool) -> Option<Relation> {
    let relation = match operator.to_ascii_lowercase().as_str() {
        "eq" if negated => Relation::NotEqual,
        "eq" => Relation::Equal,
        "lt" if negated => Relation::GreaterOrEqual,
        "lt" => Relation::Less,
        "le" if negated => Relation::Greater,
        "le" => Relation::LessOrEqual,
        "gt" if negated => Relation::LessOrEqual,
        "gt" => Relation::Greater,
        "ge" if negated => Relation::Less,
        "ge" => Relation::GreaterOrEqual,
        _ => return None,
    };
    Some(relation)
}

/// Targets with the exceptions that concern them; a target that is excepted as a whole is left out.
fn compile_targets(targets: &[seclang::Target]) -> Vec<Target> {
    let mut compiled = Vec::new();
    for target in targets.iter().filter(|target| target.kind != Kind::Except) {
        let excepted =
            targets.iter().filter(|other| other.kind == Kind::Except && other.variable == target.variable);
        let except: Vec<Selector> = excepted.map(|other| other.selector.clone()).collect();
        if except.contains(&Selector::All) {
            continue;
        }
        let counted = if target.kind == Kind::Count { Counted::Yes } else { Counted::No };
        // Without a path `XML` is the document, not all that other rules pick from it.
        let selector = match (target.variable, &target.selector) {
            (Variable::Xml, Selector::All) => Selector::Key(SmolStr::default()),
            (_, selector) => selector.clone(),
        };
        compiled.push(Target { variable: target.variable, selector, except, counted, slots: Vec::new() });
    }
    compiled
}
