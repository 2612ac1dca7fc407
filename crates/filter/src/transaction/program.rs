//! What a rule set compiles to: phases of rules over shared operators, pipelines and slots.
//!
//! Immutable. Everything a rule needs at run time is an index or a small value; nothing is looked up by text that the
//! rules write out. Does not know how rules are run.

use std::sync::Arc;

use portcullis_wire::body::XPath;
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::operator::Operator;
use crate::scan::Bits;
use crate::seclang::{AllowScope, Collection, Configuration, Control, Selector, Severity, Variable};
use crate::transaction::front::{FRONTS, Front, ItemId};
use crate::transaction::listed::Listed;
use crate::transaction::pipeline::Pipelines;
use crate::transaction::prologue::Prologue;
use crate::transaction::slots::{Slot, SlotNames};
use crate::transaction::text::Text;
use crate::transform::Transformation;

/// A whole rule set.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) config: Configuration,
    pub(super) phases: [Phase; 5],
    /// What the first rules of phase 1 always come to.
    pub(super) prologue: Prologue,
    pub(super) slots: SlotNames,
    pub(super) scores: ScoreSlots,
    pub(super) operators: Vec<Operator>,
    pub(super) pipelines: Pipelines,
    /// What scans values: those that are there by phase 2 and those of responses, each at once and deferred.
    pub(super) fronts: [Front; FRONTS],
    /// The variables any rule reads: others are not filled in.
    pub(super) wanted: Bits,
    /// The paths by which rules pick from XML.
    pub(super) paths: Vec<(SmolStr, XPath)>,
}

/// The slots CRS keeps its scores in.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreSlots {
    pub(super) inbound: Slot,
    pub(super) outbound: Slot,
    pub(super) inbound_threshold: Slot,
    pub(super) outbound_threshold: Slot,
}

/// The rules of one phase.
#[derive(Debug, Default)]
pub(super) struct Phase {
    pub(super) rules: Vec<Rule>,
    /// Those that are tried whether or not a scan found them.
    pub(super) always: Bits,
    /// Those for which values are only scanned once the phase gets there.
    pub(super) deferred: Bits,
}

/// One rule with its chain.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: u32,
    /// Its number among all rules of all phases.
    pub(super) number: u32,
    pub(super) links: SmallVec<[Link; 1]>,
    pub(super) outcome: Outcome,
    /// Where it jumps to, if it does nothing else once its only test, of a slot, holds.
    pub(super) gate: Option<usize>,
    /// The list in which it looks its values up, if that is all it does.
    pub(super) listed: Option<Listed>,
}

/// What a rule does and says once all of its chain matched.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) disruptive: Disruptive,
    pub(super) status: Option<u16>,
    pub(super) logged: bool,
    pub(super) message: Option<Text>,
    pub(super) data: Option<Text>,
    pub(super) severity: Option<Severity>,
    pub(super) tags: Arc<[SmolStr]>,
    pub(super) class: Option<SmolStr>,
    pub(super) version: Option<SmolStr>,
    pub(super) revision: Option<SmolStr>,
    pub(super) flow: Flow,
}

/// What becomes of the transaction.
#[derive(Debug)]
pub(super) enum Disruptive {
    Pass,
    Allow(AllowScope),
    Deny,
    Drop,
    Redirect(Text),
}

/// Which rule follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// The one after that many more.
    Skip(usize),
    Goto(usize),
}

/// One test of a chain.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) test: Test,
    pub(super) transformations: SmallVec<[Transformation; 4]>,
    pub(super) multi_match: MultiMatch,
    pub(super) capture: Capture,
    pub(super) effects: Vec<Effect>,
}

/// Whether a test is tried after every transformation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MultiMatch {
    No,
    Yes,
}

/// Whether groups of a match are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    No,
    Yes,
}

/// What is tested.
#[derive(Debug)]
pub(super) enum Test {
    /// Nothing.
    Always,
    /// A number in a slot against a number: most gates and score tests.
    Slot(SlotTest),
    /// Values against an operator.
    Values(ValueTest),
}

/// A test of one slot without looking at text.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotTest {
    pub(super) slot: Slot,
    pub(super) read: SlotRead,
    pub(super) relation: Relation,
    pub(super) operand: Number,
}

/// What of a slot is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotRead {
    /// Its number; a slot that is not set never matches.
    Value,
    /// 1 if it is set, else 0.
    Count,
}

/// A comparison of numbers; negation is already carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// Whether it holds.
    pub(super) fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// A number as a rule gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Plain(i64),
    Slot(Slot),
}

/// Values against an operator.
#[derive(Debug)]
pub(super) struct ValueTest {
    pub(super) targets: Vec<Target>,
    /// An index into [`Program::operators`].
    pub(super) operator: usize,
    pub(super) negated: Negated,
    /// The argument, where it has to be expanded for each call.
    pub(super) argument: Option<Text>,
    /// The item under which scans know this test: only values they found need to be tried.
    pub(super) item: Option<ItemId>,
    /// What the number of values has to be, if that is all there is to it.
    pub(super) count: Option<(Relation, i64)>,
}

/// Whether an operator's verdict is turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Negated {
    No,
    Yes,
}

/// Values a test looks at.
#[derive(Debug)]
pub(super) struct Target {
    /// As the rule names it.
    pub(super) variable: Variable,
    pub(super) selector: Selector,
    /// What of these is left out.
    pub(super) except: Vec<Selector>,
    pub(super) counted: Counted,
    /// For `TX`, the slots it selects: names that no rule writes out are tried one by one.
    pub(super) slots: Vec<Slot>,
}

impl Target {
    /// Works out which slots it selects.
    pub(super) fn find_slots(&mut self, names: &SlotNames) {
        if self.variable == Variable::Tx {
            self.slots = names.all().filter(|slot| self.accepts(names.of(*slot).as_bytes())).collect();
        }
    }

    /// Whether a value under this key belongs to it.
    pub(super) fn accepts(&self, key: &[u8]) -> bool {
        self.selector.selects(key) && !self.except.iter().any(|except| except.selects(key))
    }
}

/// Whether values are tested or their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    No,
    Yes,
}

/// What one link does when it matches.
#[derive(Debug)]
pub(super) enum Effect {
    /// `setvar` of a number in a slot.
    Count(Slot, Arithmetic, Number),
    /// `setvar` of anything else in a slot.
    Assign(Slot, Change),
    /// Any other `setvar`.
    Set {
        collection: Collection,
        key: Text,
        change: Change,
    },
    Expire {
        collection: Collection,
        key: Text,
        seconds: Text,
    },
    Load {
        collection: Collection,
        key: Text,
        names: Option<Variable>,
    },
    SetEnv {
        name: Text,
        value: Option<Text>,
    },
    Control(Control),
    RemoveRules(Arc<Bits>),
    RemoveTarget {
        rules: Arc<Bits>,
        variable: Variable,
        selector: Selector,
    },
}

/// How a number changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Set,
    Add,
    Subtract,
}

/// How any variable changes.
#[derive(Debug)]
pub(super) enum Change {
    Set(Text),
    Add(Text),
    Subtract(Text),
    Remove,
}

impl Program {
    /// The operators' index is always in range; a missing one matches nothing.
    pub(super) fn operator(&self, index: usize) -> Option<&Operator> {
        self.operators.get(index)
    }

    /// Whether a rule reads this variable.
    pub(super) fn wants(&self, variable: Variable) -> bool {
        self.wanted.contains(variable as usize)
    }
}
