//! Tags: facts on an exchange, `namespace:value`, each knowing what caused it.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::SmolStr;

/// What put a tag on an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The gateway itself, from what it saw (the namespace says what).
    #[default]
    Observed,
    /// The site's contract.
    Contract,
    /// A named list.
    List(SmolStr),
    /// An identity provider.
    Identity(SmolStr),
    /// A rule.
    Rule(SmolStr),
    /// A limit.
    Limit(SmolStr),
    /// A rule of the content filter.
    Filter(SmolStr),
}

/// One fact, `namespace:value`, and what caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tag {
    /// `namespace:value`.
    pub tag: SmolStr,
    /// What put it there; left out, it was observed.
    #[serde(default, skip_serializing_if = "Cause::is_observed")]
    pub cause: Cause,
}

impl Cause {
    // Most tags are observed, and most of what an archive holds is tags.
    fn is_observed(&self) -> bool {
        matches!(self, Self::Observed)
    }
}

impl Tag {
    /// The part before the colon.
    pub fn namespace(&self) -> &str {
        self.tag.split_once(':').map_or(&*self.tag, |(namespace, _)| namespace)
    }

    /// The part after the colon.
    pub fn value(&self) -> &str {
        self.tag.split_once(':').map_or("", |(_, value)| value)
    }
}

/// The tags of one exchange, in the order they were set, each once (the first cause is kept).
///
/// Bounded: past [`TagSet::LIMIT`] tags further ones are counted and dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagSet {
    tags: SmallVec<[Tag; 16]>,
    dropped: u32,
}

impl TagSet {
    /// How many tags one exchange can carry.
    pub const LIMIT: usize = 256;

    /// Sets a tag; `false` if it was there already or the set is full.
    pub fn set(&mut self, tag: SmolStr, cause: Cause) -> bool {
        if self.has(&tag) {
            return false;
        }
        if self.tags.len() >= Self::LIMIT {
            self.dropped = self.dropped.saturating_add(1);
            return false;
        }
        self.tags.push(Tag { tag, cause });
        true
    }

    /// Whether the tag is set.
    pub fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|set| set.tag == tag)
    }

    /// Every tag in the order set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tag> {
        self.tags.iter()
    }

    /// How many tags did not fit.
    pub fn dropped(&self) -> u32 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_set_once_and_keeps_its_first_cause() {
        let mut tags = TagSet::default();
        assert!(tags.set("net:tor".into(), Cause::List("tor".into())));
        assert!(!tags.set("net:tor".into(), Cause::Rule("again".into())));
        assert!(tags.has("net:tor") && !tags.has("net:to"));
        assert_eq!(tags.iter().map(|tag| tag.cause.clone()).collect::<Vec<_>>(), [Cause::List("tor".into())]);
    }

    #[test]
    fn the_set_is_bounded() {
        let mut tags = TagSet::default();
        for n in 0..300 {
            tags.set(SmolStr::from(format!("n:{n}")), Cause::Observed);
        }
        assert_eq!((tags.iter().len(), tags.dropped()), (TagSet::LIMIT, 44));
    }
}
