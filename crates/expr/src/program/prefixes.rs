//! A set of prefixes, any of which a text may begin with.

use smol_str::SmolStr;

/// Sorted prefixes, none of which begins with another: then the greatest one not above a text is the only one
/// the text can begin with.
#[derive(Clone, Debug)]
pub(super) struct Prefixes {
    sorted: Vec<SmolStr>,
}

impl Prefixes {
    pub(super) fn new(mut prefixes: Vec<SmolStr>) -> Self {
        prefixes.sort_unstable();
        let mut sorted: Vec<SmolStr> = Vec::with_capacity(prefixes.len());
        for prefix in prefixes {
            if !sorted.last().is_some_and(|shorter| prefix.starts_with(&**shorter)) {
                sorted.push(prefix);
            }
        }
        Self { sorted }
    }

    pub(super) fn begin(&self, text: &str) -> bool {
        if let [only] = &*self.sorted {
            return text.starts_with(&**only);
        }
        let above = self.sorted.partition_point(|prefix| &**prefix <= text);
        above
            .checked_sub(1)
            .and_then(|at| self.sorted.get(at))
            .is_some_and(|prefix| text.starts_with(&**prefix))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_trying_each_finds(prefixes in proptest::collection::vec("[/ab]{0,3}", 0..6), text in "[/ab]{0,5}") {
            let naive = prefixes.iter().any(|prefix| text.starts_with(prefix));
            let set = Prefixes::new(prefixes.into_iter().map(SmolStr::from).collect());
            prop_assert_eq!(set.begin(&text), naive);
        }
    }
}
