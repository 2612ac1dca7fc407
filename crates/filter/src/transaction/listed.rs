//! A rule that looks its values up in a list, and nothing else: CRS's list of fields that nobody may send.
//!
//! SecLang has to note every value under a name of its own in `TX`, and then to look whether a note stands in the list.
//! A glance at the list tells for most values that theirs could not, so that no note has to be made. Invariant: a value
//! whose note stands in the list, or would be read by another rule, is never told to be of no matter. Does not know how
//! rules run.

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::scan::bytes::ByteSet;
use crate::transaction::slots::Slot;

/// What such a rule makes of a value, and where it looks for it.
#[derive(Debug)]
pub(super) struct Listed {
    /// What a note has before the value, never empty, and after it.
    pub(super) before: SmolStr,
    pub(super) after: SmolStr,
    /// The list.
    pub(super) list: Slot,
    /// For each other rule that could read notes, letters that a value has all of if that rule reads its note.
    pub(super) readers: Vec<Letters>,
}

/// Which letters, in whatever case, and digits there are in a text; of other bytes sixteen kinds are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Letters(u64);

impl Letters {
    pub(super) fn of(text: &[u8]) -> Self {
        let bit = |byte: &u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' => byte % 32,
            b'0'..=b'9' => 32 + byte % 16,
            _ => 48 + byte % 16,
        };
        Self(text.iter().fold(0, |letters, byte| letters | 1 << bit(byte)))
    }

    /// Those that `others` does not have.
    pub(super) const fn but(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(super) fn is_none(self) -> bool {
        self == Self(0)
    }

    const fn has_all(self, others: Self) -> bool {
        others.but(self).0 == 0
    }
}

/// A list, and what is seen of it at a glance.
pub(super) struct Glance<'l> {
    listed: &'l Listed,
    /// What follows each beginning of a note.
    rests: SmallVec<[&'l [u8]; 32]>,
    /// The bytes that do so at once, in lower case.
    firsts: ByteSet,
}

impl Listed {
    /// A glance at the list.
    pub(super) fn glance<'l>(&'l self, list: &'l [u8]) -> Glance<'l> {
        let mut glance = Glance { listed: self, rests: SmallVec::new(), firsts: ByteSet::new() };
        let Some((begin, more)) = self.before.as_bytes().split_first() else { return glance };
        // Notes begin at every few bytes: to search for the next costs more than to walk there.
        for (at, byte) in list.iter().enumerate() {
            if byte == begin
                && let Some(rest) = list.get(at + 1..).and_then(|rest| rest.strip_prefix(more))
                && let Some(first) = rest.first().map(u8::to_ascii_lowercase)
            {
                glance.rests.push(rest);
                glance.firsts = glance.firsts.with(first..=first);
            }
        }
        glance
    }
}

impl Glance<'_> {
    /// Whether the note of a value, in whatever case, could stand in the list, or be read by another rule.
    pub(super) fn matters(&self, value: &[u8]) -> bool {
        let Some(first) = value.first() else { return true };
        let letters = Letters::of(value);
        // A value of several lines is not all that the rule's pattern takes.
        value.contains(&b'\n')
            || self.firsts.contains(first.to_ascii_lowercase())
                && self.rests.iter().any(|rest| self.begins_as(rest, value))
            || self.listed.readers.iter().any(|needed| letters.has_all(*needed))
    }

    /// Whether a list goes on with the rest of a value's note.
    fn begins_as(&self, rest: &[u8], value: &[u8]) -> bool {
        let Some((here, after)) = rest.split_at_checked(value.len()) else { return false };
        let first = |text: &[u8]| text.first().map(u8::to_ascii_lowercase);
        first(here) == first(value)
            && here.eq_ignore_ascii_case(value)
            && after.starts_with(self.listed.after.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::slots::SlotNames;

    #[test]
    fn only_a_value_that_could_be_listed_or_read_matters() {
        let list = b"/proxy/ /Content-Range/ /if/";
        let slot = SlotNames::default().name("list");
        let listed = |before: &str| Listed {
            before: before.into(),
            after: "/".into(),
            list: slot,
            readers: vec![Letters::of(b"xy")],
        };
        for (before, value, matters) in [
            ("/", "PROXY", true),
            ("/", "content-range", true),
            ("/", "if", true),
            ("/", "i", false),
            ("/", "prox", false),
            ("/", "host", false),
            ("/", "", true),
            ("/", "host\n", true),
            ("/", "yxz", true),
            ("/", "x", false),
            ("/c", "ontent-range", true),
            ("/c", "proxy", true),
            ("/c", "prox", false),
            (" /", "if", true),
            (" /", "proto", false),
        ] {
            // The rule's own text is compared as it is.
            let (listed, list) = (listed(before), list.to_ascii_lowercase());
            assert_eq!(listed.glance(&list).matters(value.as_bytes()), matters, "{before} {value}");
        }
    }
}
