//! Finds the rules that look their values up in a list, and nothing else.
//!
//! Such a rule has two links: one takes every value whole and notes it in `TX`, the other looks whether a note stands
//! in a variable. Invariant: a rule is taken for one only if no other rule could see its notes, but for the readers that
//! are named. Does not run rules.

use crate::seclang::{Collection, KeyPattern, Selector, Variable};
use crate::transaction::listed::{Letters, Listed};
use crate::transaction::program::{
    Capture, Change, Counted, Effect, Link, MultiMatch, Negated, Program, Rule, Target, Test, ValueTest,
};
use crate::transaction::slots::Slot;
use crate::transaction::text::{Part, Text};
use crate::transaction::variable::{Kept, kept};
use crate::transform::Transformation;

/// Tells every such rule that it is one.
pub(super) fn note_listed(program: &mut Program) {
    let all = program.phases.iter().flat_map(|phase| &phase.rules);
    let found: Vec<(u32, Listed)> =
        all.filter_map(|rule| Some((rule.number, listed(program, rule)?))).collect();
    for (number, listed) in found {
        let mut rules = program.phases.iter_mut().flat_map(|phase| &mut phase.rules);
        if let Some(rule) = rules.find(|rule| rule.number == number) {
            rule.listed = Some(listed);
        }
    }
}

fn listed(program: &Program, rule: &Rule) -> Option<Listed> {
    let [noting, looking] = rule.links.as_slice() else { return None };
    let (name, before, after) = note_of(program, noting)?;
    let list = list_of(program, looking, name)?;
    let links_but = |own: &Link| {
        let links = program.phases.iter().flat_map(|phase| &phase.rules).flat_map(|rule| &rule.links);
        let own = std::ptr::from_ref(own);
        links.filter(move |link| !std::ptr::eq(*link, own))
    };
    let is_slot = program.slots.all().any(|slot| begins_with(program.slots.of(slot), name));
    if is_slot || links_but(noting).flat_map(|link| &link.effects).any(|effect| sets(effect, name)) {
        return None;
    }
    let mut readers = Vec::new();
    for target in links_but(looking).flat_map(targets) {
        match reader(target, name) {
            Reader::Never => {}
            Reader::OfValuesWith(bytes) => readers.push(bytes),
            Reader::Always => return None,
        }
    }
    Some(Listed { before: before.into(), after: after.into(), list, readers })
}

/// The beginning of the name that a link notes every value under, and what the note has before and after it.
fn note_of<'p>(program: &'p Program, link: &'p Link) -> Option<(&'p str, &'p str, &'p str)> {
    let Test::Values(test) = &link.test else { return None };
    let takes_all = program.operator(test.operator)?.takes_lines() && test.negated == Negated::No;
    let is_kept = |target: &Target| target.counted == Counted::No && kept(target.variable) == Kept::Request;
    let plain = matches!(link.transformations.as_slice(), [] | [Transformation::Lowercase]);
    if !takes_all || !plain || link.multi_match == MultiMatch::Yes || link.capture == Capture::No {
        return None;
    }
    let [Effect::Set { collection: Collection::Tx, key, change: Change::Set(note) }] =
        link.effects.as_slice()
    else {
        return None;
    };
    let whole = program.slots.find("0")?;
    let (name, "") = around(key, whole)? else { return None };
    let (before, after) = around(note, whole)?;
    // A note that is a number would be written another way.
    let is_text = before.bytes().next().is_some_and(|byte| !byte.is_ascii_digit() && !b"+-".contains(&byte));
    (is_text && test.targets.iter().all(is_kept)).then_some((name, before, after))
}

/// What stands before and after a variable in a text that has nothing else.
fn around(text: &Text, variable: Slot) -> Option<(&str, &str)> {
    let Text::Pieces(parts) = text else { return None };
    match &**parts {
        [Part::Plain(before), Part::Slot(slot)] if *slot == variable => Some((before, "")),
        [Part::Plain(before), Part::Slot(slot), Part::Plain(after)] if *slot == variable => {
            Some((before, after))
        }
        _ => None,
    }
}

/// The variable in which a link looks for every note.
fn list_of(program: &Program, link: &Link, name: &str) -> Option<Slot> {
    let Test::Values(ValueTest { targets, operator, negated: Negated::No, argument, .. }) = &link.test else {
        return None;
    };
    let [Target { variable: Variable::Tx, selector: Selector::Pattern(pattern), except, counted, .. }] =
        targets.as_slice()
    else {
        return None;
    };
    let all_notes = pattern.prefix().is_some_and(|prefix| prefix.eq_ignore_ascii_case(name));
    let plain = except.is_empty() && *counted == Counted::No && link.transformations.is_empty();
    let looks = program.operator(*operator)?.is_within() && all_notes && plain;
    argument.as_ref().filter(|_| looks)?.only_slot()
}

/// Which notes another target reads.
enum Reader {
    Never,
    /// Those of values that have all of these.
    OfValuesWith(Letters),
    Always,
}

fn reader(target: &Target, name: &str) -> Reader {
    match &target.selector {
        _ if target.variable != Variable::Tx => Reader::Never,
        Selector::All => Reader::Always,
        Selector::Key(key) if begins_with(key, name) => Reader::Always,
        Selector::Key(_) => Reader::Never,
        Selector::Pattern(pattern) => reader_by(pattern, name),
    }
}

fn reader_by(pattern: &KeyPattern, name: &str) -> Reader {
    if let Some(prefix) = pattern.prefix() {
        return if share_beginning(prefix, name) { Reader::Always } else { Reader::Never };
    }
    let Some(text) = pattern.required_text() else { return Reader::Always };
    // What of the text the name's beginning does not have, the value must.
    let needed = Letters::of(text.as_bytes()).but(Letters::of(name.as_bytes()));
    if needed.is_none() { Reader::Always } else { Reader::OfValuesWith(needed) }
}

/// Whether an effect could set a variable of `TX` whose name begins so, where it is none that rules write out.
fn sets(effect: &Effect, name: &str) -> bool {
    let Effect::Set { collection: Collection::Tx, key, .. } = effect else { return false };
    match key {
        Text::Plain(key) => begins_with(key, name),
        Text::Pieces(parts) => match parts.first() {
            Some(Part::Plain(begin)) => share_beginning(begin, name),
            _ => true,
        },
    }
}

/// Whether a text could begin with both, whatever the case of its letters.
fn share_beginning(one: &str, other: &str) -> bool {
    begins_with(one, other) || begins_with(other, one)
}

fn begins_with(text: &str, begin: &str) -> bool {
    text.as_bytes().get(..begin.len()).is_some_and(|own| own.eq_ignore_ascii_case(begin.as_bytes()))
}

fn targets(link: &Link) -> &[Target] {
    match &link.test {
        Test::Values(test) => &test.targets,
        Test::Always | Test::Slot(_) => &[],
    }
}
