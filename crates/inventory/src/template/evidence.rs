//! Which words at a place are values of a parameter.
//!
//! Many words alone are no evidence: a site has many names. What counts is that words answer alike wherever they are
//! asked the same, that they are many for how often they are asked (names come back, values are spread), that names
//! follow them which follow their siblings too, that values of other forms stand at the same place, and that bodies give
//! them as names of things.
//!
//! Invariant: a pure function of its arguments; [`Look::Name`] is never a value.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{self, Group};
use crate::endpoint::{End, Ends};
use crate::lexicon::{self, Look};
use crate::told::Told;

/// Words that answer alike before they are values: where the answer tells something, where it tells nothing, and where
/// they are asked often.
const TELLING: usize = 3;
const SILENT: usize = 5;
const OFTEN: usize = 8;
/// For so many members of a group, each may be asked once more.
const MANY: usize = 16;
/// A word that is asked for so much more often than values are is none of them, if nothing else tells.
const BUSY: u64 = 8;
/// How often children are held against the values known so far, which they add to.
const ROUNDS: usize = 4;

/// A word at a place, and what is asked below it.
pub(super) struct Child<'a> {
    pub(super) word: &'a str,
    pub(super) ends: Ends<'a>,
    look: Look,
    told: Told,
}

impl<'a> Child<'a> {
    pub(super) fn new(word: &'a str, ends: Ends<'a>, told: Told) -> Self {
        Self { word, ends, look: lexicon::look(word), told }
    }

    fn is_told(&self) -> bool {
        self.told > Told::Not
    }

    /// How often it is asked at the end it is asked at most.
    fn busiest(&self) -> u64 {
        self.ends.values().map(|answers| answers.count).max().unwrap_or(0)
    }

    pub(super) fn may_be_value(&self) -> bool {
        self.look != Look::Name
    }
}

/// The places in `children` of those that are values, beside values of other forms that are asked for `typed`.
pub(super) fn values<'a>(children: &'a [Child<'a>], typed: &Ends<'a>) -> BTreeSet<usize> {
    let by_end = groups::by_end(children);
    let mut values = BTreeSet::new();
    for (end, groups) in &by_end {
        for group in groups.iter().filter(|group| group.members.len() > 1) {
            let mut members = unremarkable(group, end, children);
            members.sort_unstable();
            let evident = is_scattered(group, end, children) || agrees_often(&members, &by_end);
            let told: Vec<usize> = told(&members, children);
            if !groups::disagree(&members, &by_end) {
                if evident || (group.answers.fields.is_telling() && told.len() * 2 >= members.len()) {
                    values.extend(members);
                } else {
                    values.extend(told);
                }
            }
        }
    }
    values.extend(alone(children, typed));
    join_the_rest(children, typed, &mut values);
    values
}

/// The members of a group but for those that are asked far more often than most, where the answers do not tell that they
/// are of the same kind.
fn unremarkable(group: &Group, end: &End<'_>, children: &[Child<'_>]) -> Vec<usize> {
    if group.answers.fields.is_telling() {
        return group.members.clone();
    }
    let asked = |at: &usize| {
        children.get(*at).and_then(|child| child.ends.get(end)).map_or(0, |answers| answers.count)
    };
    let mut counts: Vec<u64> = group.members.iter().map(asked).collect();
    counts.sort_unstable();
    let usual = counts.get(counts.len() / 2).copied().unwrap_or_default();
    group.members.iter().filter(|at| asked(at) <= usual * BUSY).copied().collect()
}

/// Those of some children that bodies give as names, if there are two: one may have its name by chance.
fn told(members: &[usize], children: &[Child<'_>]) -> Vec<usize> {
    let is_told = |at: &&usize| children.get(**at).is_some_and(Child::is_told);
    let told: Vec<usize> = members.iter().filter(is_told).copied().collect();
    if told.len() > 1 { told } else { Vec::new() }
}

/// The only child there is, where its collection or its own answer gives it as a name.
fn alone(children: &[Child<'_>], typed: &Ends<'_>) -> Option<usize> {
    let mut open = children.iter().enumerate().filter(|(_, child)| child.may_be_value());
    let (at, child) = open.next()?;
    (open.next().is_none() && typed.is_empty() && child.told == Told::Near).then_some(at)
}

/// Whether a group at one end is of values by its number and spread.
fn is_scattered(group: &Group, end: &End<'_>, children: &[Child<'_>]) -> bool {
    let many = group.members.len();
    let look_like_values = group
        .members
        .iter()
        .filter(|at| children.get(**at).is_some_and(|child| child.look == Look::Value))
        .count();
    let is_telling = group.answers.fields.is_telling();
    if look_like_values * 3 >= many * 2 && (is_telling || many >= SILENT) {
        return true;
    }
    let need = if is_telling { TELLING } else { SILENT };
    let (asked, once) = spread(group, end, children);
    // Many values that are asked for at many ends come back as well, but not as often as names do.
    let usual = (2 + many / MANY).min(8);
    many >= need && (asked <= many * usual || (once * 3 >= many && asked <= many * 8))
}

/// How often the members of a group are asked, together, and how many of them once. Where names follow, they may be
/// values themselves, rare under any parent: there it counts how often a member is asked for anything.
fn spread(group: &Group, end: &End<'_>, children: &[Child<'_>]) -> (usize, usize) {
    if !end.has_tail() {
        return (group.answers.count as usize, group.once);
    }
    let busiest = |at: &usize| children.get(*at).map_or(0, Child::busiest) as usize;
    let once = group.members.iter().filter(|at| busiest(at) == 1).count();
    (group.members.iter().map(busiest).sum(), once)
}

/// Whether they answer alike at several ends, at one of them with something to tell, and the same names follow them:
/// then it does not matter how often each is asked. All collections have members that can be read and deleted.
fn agrees_often(members: &[usize], by_end: &BTreeMap<&End<'_>, Vec<Group>>) -> bool {
    let is_in = |group: &&Group| members.iter().all(|member| group.members.contains(member));
    let together: Vec<(&&End<'_>, &Group)> =
        by_end.iter().filter_map(|(end, groups)| Some((end, groups.iter().find(is_in)?))).collect();
    members.len() >= OFTEN
        && together.len() > 1
        && together.iter().any(|(end, _)| end.has_tail())
        && together.iter().any(|(_, group)| group.answers.fields.is_telling())
        && groups::agree(members, by_end)
}

/// Where values are known, a word is one of them as well unless something speaks against it: it is asked often, or it
/// answers what they do not answer.
fn join_the_rest<'a>(children: &'a [Child<'a>], typed: &Ends<'a>, values: &mut BTreeSet<usize>) {
    let mut known: Ends<'a> = typed.clone();
    for child in values.iter().filter_map(|at| children.get(*at)) {
        add(&mut known, &child.ends);
    }
    for _ in 0..ROUNDS {
        let many = values.len();
        let open =
            children.iter().enumerate().filter(|(at, child)| !values.contains(at) && child.may_be_value());
        let joining: Vec<usize> =
            open.filter(|(_, child)| belongs(child, &known, many)).map(|(at, _)| at).collect();
        if known.is_empty() || joining.is_empty() {
            return;
        }
        for child in joining.iter().filter_map(|at| children.get(*at)) {
            add(&mut known, &child.ends);
        }
        values.extend(joining);
    }
}

fn add<'a>(known: &mut Ends<'a>, ends: &Ends<'a>) {
    for (end, answers) in ends {
        known.entry(end.clone()).or_default().add(answers);
    }
}

/// Whether nothing speaks against a child being one of so many values that are known.
fn belongs(child: &Child<'_>, known: &Ends<'_>, many: usize) -> bool {
    let is_value = child.look == Look::Value || child.is_told();
    // A few silent values are no measure.
    let mut speaks_for = many >= SILENT || is_value;
    for (end, answers) in &child.ends {
        let telling = answers.fields.is_telling();
        match known.get(end) {
            Some(values) => {
                let usual = if telling { values.count / 4 } else { values.usual() * BUSY };
                let rare = answers.count <= usual.max(2) || is_value;
                let unlike = telling && values.fields.is_telling() && !values.fields.is_like(&answers.fields);
                if !rare || unlike || (telling && !values.fields.is_telling()) {
                    return false;
                }
                speaks_for |= telling;
            }
            // Another method on the same thing, or values below it, say nothing.
            None if answers.count <= 2 && (!telling || end.has_tail()) => {}
            None => return false,
        }
    }
    speaks_for
}
