//! Names for parameters: `customerId` behind `customers`.
//!
//! Invariant: the names of one template differ. Knows nothing of traffic beyond what the values look like.

use portcullis_model::observation::SegmentKind;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

/// A field with a longer name says by itself of what it is.
const LONG_FIELD: usize = 10;

/// The name of a parameter behind `before`, whose values look like `kinds` and stand in bodies in `field`; none of
/// `taken`.
pub(crate) fn parameter(
    before: Option<&str>,
    kinds: &[SegmentKind],
    field: Option<&str>,
    taken: &[SmolStr],
) -> SmolStr {
    let thing = before.map(|name| camel(&singular(name))).filter(|name| !name.is_empty());
    let field = field.map(camel).filter(|field| !field.is_empty());
    let name = match (kinds, thing) {
        (_, Some(thing)) if field.is_some() => behind(&thing, &field.unwrap_or_default()),
        ([SegmentKind::Date], _) => "date".to_smolstr(),
        ([SegmentKind::Email], _) => "email".to_smolstr(),
        ([SegmentKind::Word], Some(thing)) => format_smolstr!("{thing}Name"),
        ([SegmentKind::Word], None) => "name".to_smolstr(),
        (_, Some(thing)) => format_smolstr!("{thing}Id"),
        (_, None) => "id".to_smolstr(),
    };
    if !taken.contains(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format_smolstr!("{name}{number}"));
    numbered.take(taken.len() + 1).find(|name| !taken.contains(name)).unwrap_or(name)
}

/// `user` and `slug` → `userSlug`; `userId` as it is.
fn behind(thing: &str, field: &str) -> SmolStr {
    let lower = field.to_ascii_lowercase();
    if lower.starts_with(&thing.to_ascii_lowercase()) || field.len() > LONG_FIELD {
        return field.to_smolstr();
    }
    let mut letters = field.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    format_smolstr!("{thing}{}{}", first.unwrap_or_default(), letters.as_str())
}

/// `categories` → `category`, `boxes` → `box`, `status` as it is.
fn singular(name: &str) -> String {
    for (plural, single) in [("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")] {
        if let Some(stem) = name.strip_suffix(plural).filter(|stem| stem.len() > 1) {
            return format!("{stem}{single}");
        }
    }
    let keeps = ["ss", "us", "is", "news", "series"].iter().any(|ending| name.ends_with(ending));
    match name.strip_suffix('s') {
        Some(stem) if !keeps && stem.len() > 2 => stem.to_owned(),
        _ => name.to_owned(),
    }
}

/// `phone-number` → `phoneNumber`; a first capital goes.
fn camel(name: &str) -> String {
    let mut written = String::new();
    let mut raise = false;
    for letter in name.chars() {
        if !letter.is_ascii_alphanumeric() {
            raise = !written.is_empty();
        } else if written.is_empty() {
            written.push(letter.to_ascii_lowercase());
        } else if raise {
            written.push(letter.to_ascii_uppercase());
            raise = false;
        } else {
            written.push(letter);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        use SegmentKind::{Date, Number, Uuid, Word};
        for (before, kinds, taken, name) in [
            (Some("customers"), &[Number][..], &[][..], "customerId"),
            (Some("categories"), &[Uuid], &[], "categoryId"),
            (Some("phone-numbers"), &[Number], &[], "phoneNumberId"),
            (Some("Status"), &[Number], &[], "statusId"),
            (Some("tags"), &[Word], &[], "tagName"),
            (Some("tags"), &[Word, Number], &[], "tagId"),
            (Some("days"), &[Date], &[], "date"),
            (None, &[Number], &["id".into(), "id2".into()], "id3"),
        ] {
            assert_eq!(parameter(before, kinds, None, taken), name, "{before:?}");
        }
        for (field, name) in
            [("slug", "userSlug"), ("user_id", "userId"), ("id", "userId"), ("login", "userLogin")]
        {
            assert_eq!(parameter(Some("users"), &[Word], Some(field), &[]), name, "{field}");
        }
    }
}
