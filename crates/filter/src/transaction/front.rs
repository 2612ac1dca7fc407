//! The front of a rule set: which tests scans can rule out, by variable, name and pipeline.
//!
//! An *item* is one test that can only match a value for which a necessary condition holds. A value is of *interest*
//! to the items whose targets could select it; interests are worked out for every variable, and for names that rules
//! single out. Invariant: an item that could match a value is always among those its interest names. Does not know
//! what is done with an item that was found.

use smol_str::SmolStr;

use crate::scan::{Bits, Necessary, Scanner};
use crate::seclang::{Selector, Variable};
use crate::transaction::program::Target;
use crate::transaction::variable::Kept;

/// When values are scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// As soon as they are there.
    AtOnce,
    /// When a phase gets to a rule that an ordinary exchange jumps over.
    Deferred,
}

/// Both.
pub(super) const WHENS: [When; 2] = [When::AtOnce, When::Deferred];
/// How many fronts a program has.
pub(super) const FRONTS: usize = 4;

/// The number of the front over values of that kind.
pub(super) fn front_of(kept: Kept, when: When) -> usize {
    2 * usize::from(kept == Kept::Response) + when as usize
}

/// What a test that scans can rule out is known under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ItemId {
    pub(super) front: u8,
    /// Its number in that front.
    pub(super) number: u32,
}

/// A test that scans can rule out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// The phase's index.
    pub(super) phase: usize,
    /// The rule's index in its phase.
    pub(super) rule: usize,
    /// The test's operator, if it can rule values out at less cost than it takes to try them.
    pub(super) operator: Option<usize>,
}

/// The items of one front, ready to scan for.
#[derive(Debug)]
pub(super) struct Front {
    /// For all items.
    pub(super) scanner: Scanner,
    /// For the few that look at whole bodies, whose values are long.
    bodies: Vec<Scanner>,
    pub(super) items: Vec<Item>,
    /// For each pipeline, the items that use it.
    by_pipeline: Vec<Bits>,
    pub(super) interests: Vec<Interest>,
    by_variable: Vec<Option<Names>>,
}

/// What items could see in values of some variable and name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interest {
    /// The items.
    pub(super) items: Bits,
    /// Their pipelines.
    pub(super) pipelines: Vec<usize>,
    /// Its own scanner, if it has one, by its number among those for bodies.
    scanner: Option<usize>,
}

/// Variables that hold all of a message at once.
const BODIES: [Variable; 3] = [Variable::RequestBody, Variable::FullRequest, Variable::ResponseBody];

/// The interests of one variable.
#[derive(Clone, Debug)]
struct Names {
    other: usize,
    named: Vec<(SmolStr, usize)>,
}

impl Front {
    /// The interest in a value; `None` if no item could select it.
    pub(super) fn interest(&self, variable: Variable, key: &[u8]) -> Option<usize> {
        let names = self.by_variable.get(variable as usize)?.as_ref()?;
        let named = names.named.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(key));
        let interest = named.map_or(names.other, |(_, interest)| *interest);
        self.interests.get(interest).filter(|interest| !interest.pipelines.is_empty()).map(|_| interest)
    }

    /// The items whose pipeline that is.
    pub(super) fn at_end_of(&self, pipeline: u16) -> Option<&Bits> {
        self.by_pipeline.get(usize::from(pipeline))
    }

    /// The scanner for values of an interest, and its number among those of this front.
    pub(super) fn scanner_for(&self, interest: usize) -> (usize, &Scanner) {
        let own = self.interests.get(interest).and_then(|interest| interest.scanner);
        let own = own.and_then(|own| Some((own + 1, self.bodies.get(own)?)));
        own.unwrap_or((0, &self.scanner))
    }
}

/// A test as it is added to a front.
pub(super) struct Candidate<'a> {
    pub(super) item: Item,
    pub(super) necessary: Necessary,
    pub(super) targets: &'a [Target],
    /// More than one where the test is tried after every transformation.
    pub(super) pipelines: Vec<usize>,
}

/// Puts a front together.
pub(super) fn build_front(
    candidates: &[Candidate<'_>],
    sources: impl Fn(Variable) -> Vec<Variable>,
) -> Front {
    let necessary: Vec<Necessary> = candidates.iter().map(|candidate| candidate.necessary.clone()).collect();
    let mut front = Front {
        scanner: Scanner::build(&necessary),
        bodies: Vec::new(),
        items: candidates.iter().map(|candidate| candidate.item).collect(),
        by_pipeline: Vec::new(),
        interests: Vec::new(),
        by_variable: vec![None; Variable::ALL.len()],
    };
    for (index, candidate) in candidates.iter().enumerate() {
        for pipeline in &candidate.pipelines {
            if front.by_pipeline.len() <= *pipeline {
                front.by_pipeline.resize(*pipeline + 1, Bits::new());
            }
            if let Some(items) = front.by_pipeline.get_mut(*pipeline) {
                items.insert(index);
            }
        }
    }
    for variable in Variable::ALL {
        let seen = Seen::collect(*variable, candidates, &sources);
        if seen.is_empty() {
            continue;
        }
        let mut other = seen.interest(None, candidates);
        if BODIES.contains(variable) {
            other.scanner = Some(front.bodies.len());
            front.bodies.push(Scanner::build_some(&necessary, &other.items));
        }
        let other = front.keep(other);
        let named = seen.names().into_iter();
        let named =
            named.map(|name| (name.clone(), front.keep(seen.interest(Some(&name), candidates)))).collect();
        if let Some(names) = front.by_variable.get_mut(*variable as usize) {
            *names = Some(Names { other, named });
        }
    }
    front
}

impl Front {
    fn keep(&mut self, interest: Interest) -> usize {
        self.interests.iter().position(|known| *known == interest).unwrap_or_else(|| {
            self.interests.push(interest);
            self.interests.len() - 1
        })
    }
}

/// The targets that look at one variable, with the candidates they belong to.
struct Seen<'a>(Vec<(usize, &'a Target)>);

impl<'a> Seen<'a> {
    fn collect(
        variable: Variable,
        candidates: &'a [Candidate<'_>],
        sources: impl Fn(Variable) -> Vec<Variable>,
    ) -> Self {
        let targets = candidates
            .iter()
            .enumerate()
            .flat_map(|(at, each)| each.targets.iter().map(move |target| (at, target)));
        Self(targets.filter(|(_, target)| sources(target.variable).contains(&variable)).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names that targets single out.
    fn names(&self) -> Vec<SmolStr> {
        let selectors = self.0.iter().flat_map(|(_, target)| target.except.iter().chain([&target.selector]));
        let mut names: Vec<SmolStr> = selectors
            .filter_map(|selector| match selector {
                Selector::Key(name) => Some(SmolStr::from(name.to_ascii_lowercase())),
                Selector::All | Selector::Pattern(_) => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The interest in values under a name, or under any name that is not singled out.
    fn interest(&self, name: Option<&SmolStr>, candidates: &[Candidate<'_>]) -> Interest {
        let selects = |target: &Target| match (name, &target.selector) {
            (Some(name), _) => target.accepts(name.as_bytes()),
            (None, Selector::Key(_)) => false,
            (None, Selector::All | Selector::Pattern(_)) => true,
        };
        let items: Bits =
            self.0.iter().filter(|(_, target)| selects(target)).map(|(candidate, _)| *candidate).collect();
        let mut pipelines: Vec<usize> = items
            .iter()
            .filter_map(|item| candidates.get(item))
            .flat_map(|each| each.pipelines.clone())
            .collect();
        pipelines.sort_unstable();
        pipelines.dedup();
        Interest { items, pipelines, scanner: None }
    }
}
