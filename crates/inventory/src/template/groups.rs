//! Children of a place grouped, end by end, by what they answer there.
//!
//! Invariant: every child stands in one group at each of its ends. Knows nothing of what follows from a group.

use std::collections::BTreeMap;

use super::evidence::Child;
use crate::endpoint::{Answers, End};

/// Children that answer alike at one end.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) members: Vec<usize>,
    pub(super) answers: Answers,
    /// Members asked once.
    pub(super) once: usize,
}

/// The groups at every end that two children have.
pub(super) fn by_end<'a>(children: &'a [Child<'a>]) -> BTreeMap<&'a End<'a>, Vec<Group>> {
    let mut asked: BTreeMap<&End<'_>, Vec<(usize, &Answers)>> = BTreeMap::new();
    for (at, child) in children.iter().enumerate().filter(|(_, child)| child.may_be_value()) {
        for (end, answers) in &child.ends {
            asked.entry(end).or_default().push((at, answers));
        }
    }
    asked.retain(|_, members| members.len() > 1);
    asked.into_iter().map(|(end, members)| (end, group(members))).collect()
}

/// The fullest answers first: what has fewer fields is held against what has more.
fn group(mut members: Vec<(usize, &Answers)>) -> Vec<Group> {
    members.sort_by_key(|(at, answers)| (std::cmp::Reverse(answers.fields.len()), *at));
    let mut groups: Vec<Group> = Vec::new();
    for (at, answers) in members {
        let once = usize::from(answers.count == 1);
        match groups.iter_mut().find(|group| group.answers.fields.is_like(&answers.fields)) {
            Some(group) => {
                group.members.push(at);
                group.answers.add(answers);
                group.once += once;
            }
            None => groups.push(Group { members: vec![at], answers: answers.clone(), once }),
        }
    }
    groups
}

/// So many children of a group must stand at an end before their difference there tells, one in this many: two answers
/// of one kind may differ by chance.
const FEW: usize = 4;
/// Of children that are asked often, more than one in this many that answers otherwise is no chance.
const STRAYS: usize = 8;

/// Whether children that agree somewhere answer differently at another end that enough of them have in common: then
/// they are different things with a likeness.
pub(super) fn disagree(members: &[usize], ends: &BTreeMap<&End<'_>, Vec<Group>>) -> bool {
    ends.values().any(|groups| {
        let (all, most) = shares(members, groups);
        all > 1 && all * FEW >= members.len() && most * 2 <= all
    })
}

/// Whether children that are asked often answer the same wherever they do.
pub(super) fn agree(members: &[usize], ends: &BTreeMap<&End<'_>, Vec<Group>>) -> bool {
    ends.values().all(|groups| {
        let (all, most) = shares(members, groups);
        (all - most) * STRAYS <= all
    })
}

/// How many of the members have a telling answer at an end, and how many of those the same.
fn shares(members: &[usize], groups: &[Group]) -> (usize, usize) {
    let telling = groups.iter().filter(|group| group.answers.fields.is_telling());
    let shares = telling
        .map(|group| group.members.iter().filter(|member| members.binary_search(member).is_ok()).count());
    shares.fold((0, 0), |(all, most), share| (all + share, share.max(most)))
}
