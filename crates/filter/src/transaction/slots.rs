//! The transaction's own variables (`TX`): one slot for every name that the rules write out, a list for other names.
//!
//! Names compare without regard to ASCII case. Slots 0 to 9 are the captures. Invariant: a value set and read under
//! the same name is the same value, whether the name was written out or came from a macro. Does not know who sets what.

use hashbrown::HashMap;
use smol_str::SmolStr;

use crate::scan::Bits;
use crate::transaction::arena::{Arena, Span};

/// How many captures there are; they are the first slots.
pub(super) const CAPTURES: usize = 10;

/// The place of one named variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// The names that have slots.
#[derive(Clone, Debug)]
pub(super) struct SlotNames {
    names: Vec<SmolStr>,
    /// Those that are scores.
    scores: Bits,
    index: HashMap<SmolStr, Slot, foldhash::fast::FixedState>,
}

impl Default for SlotNames {
    fn default() -> Self {
        let mut names = Self { names: Vec::new(), scores: Bits::new(), index: HashMap::default() };
        for capture in 0..CAPTURES {
            names.name(&capture.to_string());
        }
        names
    }
}

impl SlotNames {
    /// The slot of a name, made if there is none.
    pub(super) fn name(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.find(name) {
            return slot;
        }
        let slot = Slot(self.names.len() as u32);
        let name = SmolStr::from(name.to_ascii_lowercase());
        if name.contains("anomaly_score") {
            self.scores.insert(self.names.len());
        }
        self.names.push(name.clone());
        self.index.insert(name, slot);
        slot
    }

    /// The slot of a name.
    pub(super) fn find(&self, name: &str) -> Option<Slot> {
        match self.index.get(name) {
            Some(slot) => Some(*slot),
            None if !name.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
            None => self.index.get(name.to_ascii_lowercase().as_str()).copied(),
        }
    }

    /// The name of a slot, in lower case.
    pub(super) fn of(&self, slot: Slot) -> &str {
        self.names.get(slot.0 as usize).map_or("", SmolStr::as_str)
    }

    /// Whether CRS adds up a score in it.
    pub(super) fn is_score(&self, slot: Slot) -> bool {
        self.scores.contains(slot.0 as usize)
    }

    /// Every slot.
    pub(super) fn all(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.names.len() as u32).map(Slot)
    }
}

/// One variable's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Held {
    /// It is not set.
    #[default]
    Absent,
    /// A number, as arithmetic and most rules leave it.
    Number(i64),
    /// Any other text.
    Text(Span),
}

impl Held {
    /// The number it stands for: what is none, or is absent, counts as 0.
    pub(super) fn number(self, arena: &Arena) -> i64 {
        match self {
            Self::Absent => 0,
            Self::Number(number) => number,
            Self::Text(span) => leading_number(arena.get(span)),
        }
    }

    /// The text it stands for; `None` if it is not set.
    pub(super) fn span(self, arena: &mut Arena) -> Option<Span> {
        match self {
            Self::Absent => None,
            Self::Number(number) => Some(arena.push_number(number)),
            Self::Text(span) => Some(span),
        }
    }
}

/// The number a text begins with, as C's `atoi` reads it, but saturating.
pub(super) fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number =
        digits.fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    if negative { -number } else { number }
}

/// The number a text is, if it is one in the only way that is written back the same.
pub(super) fn plain_number(text: &[u8]) -> Option<i64> {
    let canonical = match text {
        [b'+', ..] | [b'0', _, ..] | [b'-', b'0', ..] => false,
        _ => text.len() <= 19,
    };
    if canonical { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// The most variables with names that no rule writes out.
const OTHERS: usize = 1024;

/// The values of one transaction.
#[derive(Debug, Default)]
pub(super) struct Slots {
    held: Vec<Held>,
    others: Vec<(SmolStr, Held)>,
}

impl Slots {
    /// Everything absent.
    pub(super) fn clear(&mut self, names: &SlotNames) {
        self.held.clear();
        self.held.resize(names.names.len(), Held::Absent);
        self.others.clear();
    }

    /// A variable.
    pub(super) fn get(&self, slot: Slot) -> Held {
        self.held.get(slot.0 as usize).copied().unwrap_or_default()
    }

    /// Sets a variable.
    pub(super) fn set(&mut self, slot: Slot, value: Held) {
        if let Some(held) = self.held.get_mut(slot.0 as usize) {
            *held = value;
        }
    }

    /// Sets the captures, all ten.
    pub(super) fn capture(&mut self, captures: &[Held; CAPTURES]) {
        if let Some(held) = self.held.get_mut(..CAPTURES) {
            held.copy_from_slice(captures);
        }
    }

    /// A variable by a name that came from a macro or from outside.
    pub(super) fn get_named(&self, names: &SlotNames, name: &str) -> Held {
        if let Some(slot) = names.find(name) {
            return self.get(slot);
        }
        let found = self.others.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map_or(Held::Absent, |(_, value)| *value)
    }

    /// Sets a variable by such a name; `false` if there are too many.
    pub(super) fn set_named(&mut self, names: &SlotNames, name: &str, value: Held) -> bool {
        if let Some(slot) = names.find(name) {
            self.set(slot, value);
        } else if let Some(at) = self.others.iter().position(|(other, _)| other.eq_ignore_ascii_case(name)) {
            if value == Held::Absent {
                self.others.remove(at);
            } else if let Some((_, held)) = self.others.get_mut(at) {
                *held = value;
            }
        } else if value != Held::Absent {
            if self.others.len() == OTHERS {
                return false;
            }
            self.others.push((lower(name), value));
        }
        true
    }

    /// Those with names that no rule writes out.
    pub(super) fn others(&self) -> &[(SmolStr, Held)] {
        &self.others
    }
}

/// A name in lower case.
fn lower(name: &str) -> SmolStr {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_variable_however_it_is_reached() {
        let mut names = SlotNames::default();
        let score = names.name("Anomaly_Score");
        let mut slots = Slots::default();
        slots.clear(&names);
        assert!(slots.set_named(&names, "ANOMALY_SCORE", Held::Number(5)));
        assert_eq!(slots.get(score), Held::Number(5));
        assert!(slots.set_named(&names, "header_x", Held::Number(1)));
        assert_eq!(slots.get_named(&names, "Header_X"), Held::Number(1));
        assert_eq!(slots.others().len(), 1);
        assert!(slots.set_named(&names, "header_X", Held::Absent));
        assert_eq!(slots.others().len(), 0);
        assert_eq!(names.find("3"), Some(Slot(3)));
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (text, number) in [("12", 12), (" -3x", -3), ("+7", 7), ("x", 0), ("", 0)] {
            assert_eq!(leading_number(text.as_bytes()), number, "{text}");
        }
        for (text, number) in [
            ("12", Some(12)),
            ("-3", Some(-3)),
            ("007", None),
            ("+7", None),
            ("0", Some(0)),
            ("-0", None),
            ("", None),
        ] {
            assert_eq!(plain_number(text.as_bytes()), number, "{text}");
        }
    }
}
