//! Transformations: what they say of a change is so, results are bounded, and what was in the buffer before does not
//! matter. The first bytes choose two of them, which are chained.

use portcullis_filter::transform::{Changed, Transformation};

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let [first, second, value @ ..] = input else { return };
    let once = transformed(*first, value);
    transformed(*second, &once);
}

fn transformed(choice: u8, value: &[u8]) -> Vec<u8> {
    let all = Transformation::ALL;
    let transformation = all[usize::from(choice) % all.len()];
    let (mut fresh, mut used) = (Vec::new(), b"left over".to_vec());
    let changed = transformation.apply(value, &mut fresh);
    assert_eq!(changed, transformation.apply(value, &mut used));
    if changed == Changed::Unchanged {
        return value.to_vec();
    }
    assert_eq!(fresh, used);
    assert_ne!(fresh, value, "{}", transformation.name());
    assert!(fresh.len() <= value.len() * 6 + 20);
    let triggers = transformation.triggers();
    assert!(triggers.is_none_or(|triggers| triggers.occurs_in(value)), "{}", transformation.name());
    fresh
}
