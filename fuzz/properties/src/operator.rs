//! Operators: any argument compiles or is explained; a match keeps to what the operator said is necessary, captures lie
//! inside the value, and caches change no verdict. The first byte chooses the operator, the first line is its argument.

use std::cell::RefCell;

use portcullis_filter::operator::{Operator, Work};
use portcullis_filter::seclang::Macro;

thread_local! {
    /// Used by every input, so that what caches keep from one to the next is tried too.
    static USED: RefCell<Work> = RefCell::new(Work::default());
}

/// Holds the property of this module against one input.
pub fn check(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let names: Vec<&str> = Operator::names().collect();
    let name = names[usize::from(*choice) % names.len()];
    let (argument, value) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let value = value.strip_prefix(b"\n").unwrap_or(value);
    let text = String::from_utf8_lossy(argument);
    let mut data = |_: &str| Ok(argument.to_vec().into());
    let Ok(operator) = Operator::compile(name, &Macro::parse(&text), &mut data) else { return };
    let expanded = operator.is_dynamic().then_some(argument);
    let mut fresh = Work::default();
    fresh.steps = 100_000;
    let found = operator.find(value, expanded, &mut fresh);
    if found {
        assert!(operator.necessary().holds(value), "@{name} {text}");
        assert!(fresh.captured.range().is_none_or(|range| range.end <= value.len()));
        (0..10).for_each(|index| {
            assert!(fresh.captured.group(index, value).is_none_or(|group| group.len() <= value.len() + 16));
        });
    }
    USED.with_borrow_mut(|used| {
        (used.steps, used.exhausted) = (100_000, false);
        let again = operator.find(value, expanded, used);
        assert_eq!((found, fresh.exhausted), (again, used.exhausted), "@{name} {text}");
    });
}
