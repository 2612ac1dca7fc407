//! Distinct counts: exact while small, within their error after, and the same however merged.

use proptest::prelude::*;

use super::*;

fn of(exact: u32, values: impl IntoIterator<Item = u64>) -> Distinct {
    let mut set = Distinct::new(exact);
    for value in values {
        set.add(value);
    }
    set
}

fn merged(a: &Distinct, b: &Distinct) -> Distinct {
    let mut both = a.clone();
    both.merge(b);
    both
}

fn any_set() -> impl Strategy<Value = Distinct> {
    (0_u32..40, prop::collection::vec(0_u64..60, 0..60)).prop_map(|(exact, values)| of(exact, values))
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(a in any_set(), b in any_set(), c in any_set()) {
        prop_assert_eq!(merged(&a, &b).to_bytes(), merged(&b, &a).to_bytes());
        prop_assert_eq!(merged(&merged(&a, &b), &c).to_bytes(), merged(&a, &merged(&b, &c)).to_bytes());
        prop_assert_eq!(merged(&a, &a).to_bytes(), a.to_bytes());
    }

    #[test]
    fn the_bytes_depend_on_the_values_and_not_on_their_order_or_their_parts(
        exact in 0_u32..40,
        mut values in prop::collection::vec(any::<u64>(), 0..80),
        cut in 0_usize..80,
    ) {
        let whole = of(exact, values.clone());
        let cut = cut.min(values.len());
        let parts = merged(&of(exact, values[..cut].to_vec()), &of(exact, values[cut..].to_vec()));
        prop_assert_eq!(parts.to_bytes(), whole.to_bytes());
        values.reverse();
        prop_assert_eq!(of(exact, values).to_bytes(), whole.to_bytes());
    }

    #[test]
    fn bytes_are_read_back_and_others_are_refused(set in any_set(), cut in 0_usize..4200) {
        let bytes = set.to_bytes();
        prop_assert_eq!(Distinct::from_bytes(&bytes), Some(set.clone()));
        if cut < bytes.len() {
            let shorter = Distinct::from_bytes(&bytes[..cut]);
            prop_assert!(shorter.is_none_or(|shorter| shorter != set));
        }
        let _ = Distinct::from_bytes(&[&bytes[..], &[255; 8]].concat());
    }

    #[test]
    fn up_to_the_bound_the_count_is_exact(values in prop::collection::hash_set(any::<u64>(), 0..100)) {
        prop_assert_eq!(of(100, values.clone()).count(), values.len() as u64);
    }
}

#[test]
fn past_the_bound_the_count_stays_within_its_error() {
    let mut set = Distinct::new(64);
    let mut next = 100;
    for value in 0_u64..2_000_000 {
        set.add(value);
        if value + 1 == next {
            let error = (set.count() as f64 - next as f64).abs() / next as f64;
            assert!(error < 0.05, "{} counted as {}", next, set.count());
            next *= 2;
        }
    }
}

#[test]
fn what_was_added_before_changes_nothing() {
    for exact in [10, 1] {
        let mut set = of(exact, 0..5);
        let before = set.to_bytes();
        assert!((0..5).all(|value| set.add(value) == Added::Known), "bound {exact}");
        assert_eq!(set.to_bytes(), before);
    }
}

#[test]
fn bytes_that_are_not_canonical_are_refused() {
    let head = [1, 0, 9, 0, 0, 0];
    let value = |value: u64| value.to_le_bytes().to_vec();
    for (body, fine) in [
        (vec![], true),
        ([value(1), value(2)].concat(), true),
        ([value(2), value(1)].concat(), false),
        ([value(1), value(1)].concat(), false),
        (vec![1, 2, 3], false),
        ((0..10).flat_map(value).collect(), false),
    ] {
        assert_eq!(Distinct::from_bytes(&[&head[..], &body].concat()).is_some(), fine, "{body:?}");
    }
    let mut registers = vec![1, 1, 9, 0, 0, 0];
    registers.resize(6 + 4096, 53);
    assert!(Distinct::from_bytes(&registers).is_some());
    registers[100] = 54;
    assert!(Distinct::from_bytes(&registers).is_none());
}
