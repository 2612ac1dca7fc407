//! Operations of two versions: new ones, those that are gone, and what changed of those in both.

use std::collections::BTreeSet;

use portcullis_document::Node;

use super::calls;
use super::compare::{self, Met};
use super::facts::{self, Way, path_names};
use super::{Change, ChangeKind, Impact};
use crate::load::library::Library;
use crate::load::outline::{Call, is_true};

/// An operation that was not there.
pub(super) fn added(call: &Call<'_>) -> Change {
    whole(call, ChangeKind::Added, Impact::Compatible, "it can be called")
}

/// One that is not there any more.
pub(super) fn removed(call: &Call<'_>) -> Change {
    let what = gone(is_true(call.operation.node, "deprecated"));
    whole(call, ChangeKind::Removed, Impact::Breaking, what)
}

/// What is said of something that can be called no more.
pub(super) fn gone(was_deprecated: bool) -> &'static str {
    if was_deprecated {
        "it is not declared any more; it was deprecated"
    } else {
        "it is not declared any more, and was not deprecated before"
    }
}

/// One that is in both.
pub(super) fn compare(
    (before, old): (&Library, &Call<'_>),
    (after, new): (&Library, &Call<'_>),
    changes: &mut Vec<Change>,
) {
    match (is_true(old.operation.node, "deprecated"), is_true(new.operation.node, "deprecated")) {
        (false, true) => changes.push(whole(
            new,
            ChangeKind::Deprecated,
            Impact::Compatible,
            &match new.operation.node.get("x-sunset").and_then(Node::as_str) {
                Some(day) => format!("it should not be called any more, and ends on {day}"),
                None => "it should not be called any more".to_owned(),
            },
        )),
        (true, false) => {
            changes.push(whole(
                new,
                ChangeKind::Changed,
                Impact::Compatible,
                "it is not deprecated any more",
            ));
        }
        _ => {}
    }
    changes.extend(security(old, new));
    calls::compare(old, new, changes);
    let mut met = compare::facts(&facts::sent(before, old), &facts::sent(after, new), Way::In);
    met.extend(answers((before, old), (after, new)));
    changes.extend(met.into_iter().map(|met| named(new, met)));
}

fn answers((before, old): (&Library, &Call<'_>), (after, new): (&Library, &Call<'_>)) -> Vec<Met> {
    let mut met = Vec::new();
    for (status, body) in &new.answers {
        let subject = format!("response.{status}");
        match old.answers.iter().find(|(known, _)| known == status) {
            Some((_, known)) => {
                let [older, newer] =
                    [facts::answered(before, status, known), facts::answered(after, status, body)];
                met.extend(compare::facts(&older, &newer, Way::Out));
            }
            None => met.push(Met {
                kind: ChangeKind::Added,
                impact: Impact::Compatible,
                subject,
                what: "it may be answered".to_owned(),
                place: body.at.node.place.clone(),
            }),
        }
    }
    for (status, body) in
        old.answers.iter().filter(|(status, _)| new.answers.iter().all(|one| one.0 != *status))
    {
        let success = status.starts_with('2');
        met.push(Met {
            kind: ChangeKind::Removed,
            impact: if success { Impact::Breaking } else { Impact::Compatible },
            subject: format!("response.{status}"),
            what: "it is not answered any more".to_owned(),
            place: body.at.node.place.clone(),
        });
    }
    met
}

/// What callers have to prove: it breaks them where nothing that was enough is.
fn security(old: &Call<'_>, new: &Call<'_>) -> Option<Change> {
    let (before, after) = (alternatives(old), alternatives(new));
    if before == after {
        return None;
    }
    let enough = |had: &BTreeSet<String>| after.iter().any(|asked| asked.is_subset(had));
    let impact = if before.iter().all(enough) { Impact::Compatible } else { Impact::Breaking };
    let what = format!("callers proved {}, and prove {} now", proofs(&before), proofs(&after));
    Some(Change { subject: "security".to_owned(), ..whole(new, ChangeKind::Changed, impact, &what) })
}

/// The sets of schemes and scopes, each of which is enough; an empty one is met by anybody.
fn alternatives(call: &Call<'_>) -> BTreeSet<BTreeSet<String>> {
    let written = call.security.and_then(Node::items).unwrap_or_default();
    let mut all: BTreeSet<BTreeSet<String>> = written
        .iter()
        .map(|one| one.entries().unwrap_or_default().iter().flat_map(requirement).collect())
        .collect();
    if all.is_empty() {
        all.insert(BTreeSet::new());
    }
    all
}

fn requirement(entry: &portcullis_document::Entry) -> Vec<String> {
    let scopes = entry.value.items().unwrap_or_default().iter().filter_map(Node::as_str);
    let scheme = &entry.key.text;
    std::iter::once(scheme.clone()).chain(scopes.map(|scope| format!("{scheme}:{scope}"))).collect()
}

fn proofs(alternatives: &BTreeSet<BTreeSet<String>>) -> String {
    let one = |set: &BTreeSet<String>| match set.len() {
        0 => "nothing".to_owned(),
        _ => set.iter().map(String::as_str).collect::<Vec<_>>().join(" and "),
    };
    alternatives.iter().map(one).collect::<Vec<_>>().join(", or ")
}

pub(super) fn whole(call: &Call<'_>, kind: ChangeKind, impact: Impact, what: &str) -> Change {
    Change {
        kind,
        impact,
        operation: call.name(),
        subject: String::new(),
        what: what.to_owned(),
        place: call.operation.node.place.clone(),
    }
}

/// A value's change as one of its operation; a path parameter under the name it has now.
fn named(call: &Call<'_>, met: Met) -> Change {
    let Met { kind, impact, mut subject, what, place } = met;
    for (index, name) in path_names(&call.path).iter().enumerate() {
        subject = subject.replace(&format!("path.{{{index}}}"), &format!("path.{name}"));
    }
    Change { kind, impact, operation: call.name(), subject, what, place }
}
