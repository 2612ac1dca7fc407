//! Changes to a request's fields on their way to the upstream.
//!
//! Invariants: a name is compared without case and with `_` and `-` taken for the same, because servers fold
//! them together; a value set never holds a control character.

use std::sync::Arc;

use smallvec::SmallVec;
use smol_str::SmolStr;

/// The longest value a rule's template may make, in bytes; what is beyond it is cut.
const VALUE_LIMIT: usize = 8 * 1024;

/// Fields to remove, then fields to set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    remove: SmallVec<[Arc<[SmolStr]>; 2]>,
    set: SmallVec<[(SmolStr, String); 2]>,
}

impl HeaderEdits {
    /// Whether a received field of that name must not reach the upstream.
    pub fn removes(&self, name: &[u8]) -> bool {
        self.remove.iter().flat_map(|names| names.iter()).any(|known| same_name(known.as_bytes(), name))
            || self.set.iter().any(|(known, _)| same_name(known.as_bytes(), name))
    }

    /// Fields to add once the removed ones are gone, names as policy spells them.
    pub fn set(&self) -> &[(SmolStr, String)] {
        &self.set
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    pub(crate) fn add_removed(&mut self, names: &Arc<[SmolStr]>) {
        if !names.is_empty() {
            self.remove.push(Arc::clone(names));
        }
    }

    /// The last value set for a name wins.
    pub(crate) fn add_set(&mut self, name: &SmolStr, value: &str) {
        let value = clean(value);
        match self.set.iter_mut().find(|(known, _)| same_name(known.as_bytes(), name.as_bytes())) {
            Some((_, old)) => *old = value,
            None => self.set.push((name.clone(), value)),
        }
    }
}

/// Whether servers may take two field names for the same.
fn same_name(a: &[u8], b: &[u8]) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| fold(*a) == fold(*b))
}

fn clean(value: &str) -> String {
    let mut clean = String::with_capacity(value.len().min(VALUE_LIMIT));
    for char in value.chars().filter(|char| !char.is_control()) {
        if clean.len() + char.len_utf8() > VALUE_LIMIT {
            break;
        }
        clean.push(char);
    }
    let end = clean.trim_end_matches(' ').len();
    clean.truncate(end);
    let start = clean.len() - clean.trim_start_matches(' ').len();
    clean.drain(..start);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(remove: &[&str], set: &[(&str, &str)]) -> HeaderEdits {
        let mut edits = HeaderEdits::default();
        edits.add_removed(&remove.iter().map(SmolStr::new).collect());
        for (name, value) in set {
            edits.add_set(&SmolStr::new(name), value);
        }
        edits
    }

    #[test]
    fn names_are_folded_as_servers_fold_them() {
        let edits = edits(&["x-user-id"], &[("X-Groups", "a")]);
        for name in ["x-user-id", "X-User-Id", "X_USER_ID", "x-user_id", "x_groups"] {
            assert!(edits.removes(name.as_bytes()), "{name}");
        }
        assert!(!edits.removes(b"x-user-idx") && !edits.removes(b"x-use"));
    }

    #[test]
    fn a_value_cannot_start_a_new_field() {
        let edits = edits(&[], &[("x-user", " a\r\nset-cookie: b\0 ")]);
        assert_eq!(edits.set(), [("x-user".into(), "aset-cookie: b".to_owned())]);
    }

    #[test]
    fn the_last_value_wins_and_is_bounded() {
        let long = "é".repeat(VALUE_LIMIT);
        let edits = edits(&[], &[("x-user", "a"), ("X_User", &long)]);
        assert_eq!(edits.set().len(), 1);
        assert_eq!(edits.set()[0].1.len(), VALUE_LIMIT);
    }
}
