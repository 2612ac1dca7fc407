//! Values of two versions, one by one: what became of each, and whether clients notice.

use std::collections::BTreeSet;

use super::facts::{Facts, LOWER, Said, UPPER, Way};
use super::{ChangeKind, Impact};
use portcullis_document::Place;

/// What became of one value.
pub(super) struct Met {
    pub(super) kind: ChangeKind,
    pub(super) impact: Impact,
    pub(super) subject: String,
    pub(super) what: String,
    pub(super) place: Place,
}

/// Every difference between two versions of the values that go one way.
pub(super) fn facts(old: &Facts, new: &Facts, way: Way) -> Vec<Met> {
    let mut met = Vec::new();
    for (subject, said) in new {
        match old.get(subject) {
            Some(known) => value(known, said, way, subject, &mut met),
            None if has_parent(subject, |above| new.contains_key(above) && !old.contains_key(above)) => {}
            None => met.push(added(said, way, subject)),
        }
    }
    for (subject, said) in old.iter().filter(|(subject, _)| !new.contains_key(*subject)) {
        if !has_parent(subject, |above| old.contains_key(above) && !new.contains_key(above)) {
            let what =
                if way == Way::In { "it is not taken any more" } else { "it is not answered any more" };
            met.push(one(ChangeKind::Removed, Impact::Breaking, subject, what, said));
        }
    }
    met
}

fn added(said: &Said, way: Way, subject: &str) -> Met {
    if way == Way::In && said.required {
        return one(ChangeKind::Added, Impact::Breaking, subject, "it must be sent", said);
    }
    let what = if way == Way::In { "it may be sent" } else { "it may be answered" };
    one(ChangeKind::Added, Impact::Compatible, subject, what, said)
}

fn value(old: &Said, new: &Said, way: Way, subject: &str, met: &mut Vec<Met>) {
    let mut push = |kind, breaks: bool, what: String| {
        let impact = if breaks { Impact::Breaking } else { Impact::Compatible };
        met.push(one(kind, impact, subject, &what, new));
    };
    let strict = way == Way::In;
    if old.required != new.required {
        let what = if new.required { "it must be there now" } else { "it may be left out now" };
        push(ChangeKind::Changed, new.required == strict, what.to_owned());
    }
    if !old.deprecated && new.deprecated {
        push(ChangeKind::Deprecated, false, "it is to be used no more".to_owned());
    }
    if old.types != new.types {
        let (wide, narrow) = way.wide_and_narrow(old.types, new.types);
        push(ChangeKind::Changed, !wide.allow(narrow), format!("type {} became {}", old.types, new.types));
    }
    if old.values != new.values {
        let what = format!("values {}", difference(old.values.as_ref(), new.values.as_ref()));
        push(ChangeKind::Changed, !covers(way, old.values.as_ref(), new.values.as_ref()), what);
    }
    for (word, before, after) in
        [("format", &old.format, &new.format), ("pattern", &old.pattern, &new.pattern)]
    {
        if before != after {
            let freed = if strict { after.is_none() } else { before.is_none() };
            push(
                ChangeKind::Changed,
                !freed,
                format!("{word} {} became {}", or_none(before.as_ref()), or_none(after.as_ref())),
            );
        }
    }
    if strict {
        for (keys, narrower) in [(LOWER, f64::gt as fn(&f64, &f64) -> bool), (UPPER, f64::lt)] {
            for key in keys {
                let (before, after) = (old.bounds.get(key), new.bounds.get(key));
                if before != after {
                    let breaks =
                        after.is_some_and(|after| before.is_none_or(|before| narrower(after, before)));
                    push(
                        ChangeKind::Changed,
                        breaks,
                        format!("{key} {} became {}", bound(before), bound(after)),
                    );
                }
            }
        }
        if old.closed != new.closed {
            let what =
                if new.closed { "other fields must not be sent now" } else { "other fields may be sent now" };
            push(ChangeKind::Changed, new.closed, what.to_owned());
        }
    }
}

/// Whether everything that was possible is: requests may become more, responses fewer. Nothing said is everything.
fn covers<T: Ord>(way: Way, old: Option<&BTreeSet<T>>, new: Option<&BTreeSet<T>>) -> bool {
    match way.wide_and_narrow(old, new) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.is_subset(wide),
    }
}

/// Whether something above a place fulfils a condition: `body.a[].b` is below `body.a[]`, `body.a` and `body`.
fn has_parent(subject: &str, is: impl Fn(&str) -> bool) -> bool {
    let ends = subject.char_indices().filter(|(_, letter)| matches!(letter, '.' | '['));
    ends.into_iter().any(|(end, _)| subject.get(..end).is_some_and(&is))
}

fn difference(old: Option<&BTreeSet<String>>, new: Option<&BTreeSet<String>>) -> String {
    let (Some(old), Some(new)) = (old, new) else {
        return if new.is_some() { "are listed now".to_owned() } else { "may be any now".to_owned() };
    };
    let shown = |values: Vec<&String>| {
        let first: Vec<&str> = values.iter().take(5).map(|value| value.as_str()).collect();
        let rest = if values.len() > 5 { format!(" and {} more", values.len() - 5) } else { String::new() };
        format!("{}{rest}", first.join(", "))
    };
    let (gone, come) = (old.difference(new).collect::<Vec<_>>(), new.difference(old).collect::<Vec<_>>());
    let parts = [("gone: ", gone), ("new: ", come)];
    let parts = parts.into_iter().filter(|(_, values)| !values.is_empty());
    parts.map(|(word, values)| format!("{word}{}", shown(values))).collect::<Vec<_>>().join("; ")
}

fn or_none(text: Option<&String>) -> &str {
    text.map_or("none", String::as_str)
}

fn bound(value: Option<&f64>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

fn one(kind: ChangeKind, impact: Impact, subject: &str, what: &str, said: &Said) -> Met {
    Met { kind, impact, subject: subject.to_owned(), what: what.to_owned(), place: said.place.clone() }
}
