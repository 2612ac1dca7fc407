//! What a scope makes of matches: its exclusions and its classes.

use portcullis_filter::transaction::{Treatment, Treatments};
use portcullis_policy::{ClassAction, ClassActions, Exclusion, RuleSelector};
use smol_str::SmolStr;

use super::class_of;

/// Exclusions and classes of one scope.
#[derive(Debug)]
pub(crate) struct Handling {
    pub(crate) classes: ClassActions,
    pub(crate) exclude: std::sync::Arc<[Exclusion]>,
}

/// A rule that matched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matched<'a> {
    pub(crate) number: Option<u32>,
    pub(crate) name: &'a str,
    pub(crate) tags: &'a [SmolStr],
    pub(crate) class: Option<&'a str>,
    pub(crate) place: &'a str,
}

impl Handling {
    /// What becomes of a match.
    pub(crate) fn treat(&self, matched: &Matched<'_>) -> Treatment {
        if self.exclude.iter().any(|exclusion| excludes(exclusion, matched)) {
            return Treatment::Ignore;
        }
        match matched.class.map_or(ClassAction::Block, |class| self.classes.of(class_of(class))) {
            ClassAction::Block => Treatment::Act,
            ClassAction::Monitor => Treatment::Record,
            ClassAction::Off => Treatment::Ignore,
        }
    }
}

fn excludes(exclusion: &Exclusion, matched: &Matched<'_>) -> bool {
    let here = exclusion.location.as_ref().is_none_or(|pattern| pattern.matches(matched.place));
    here && exclusion.rule.as_ref().is_none_or(|selector| selects(selector, matched))
}

fn selects(selector: &RuleSelector, matched: &Matched<'_>) -> bool {
    match selector {
        RuleSelector::Numbers(first, last) => {
            matched.number.is_some_and(|number| (*first..=*last).contains(&number))
        }
        RuleSelector::Name(name) => {
            *name == matched.name
                || matched.class.is_some_and(|class| class_of(class) == name)
                || matched.tags.contains(name)
        }
    }
}

impl Treatments for Handling {
    fn of(&self, rule: u32, tags: &[SmolStr], class: Option<&str>, place: &str) -> Treatment {
        self.treat(&Matched { number: Some(rule), name: "", tags, class, place })
    }
}
