//! What one transaction knows and has done so far.
//!
//! One value, used again for later transactions once it was cleared, so that an exchange allocates next to nothing.
//! Invariants: cleared, it holds nothing of the exchange before; what a large exchange took is given back. Does not
//! know the rules it is run under beyond the sizes it was cleared for.

use std::sync::Arc;
use std::time::Duration;

use crate::operator::Paid;
use crate::seclang::Variable;
use crate::transaction::arena::{Arena, Span};
use crate::transaction::budget::Budget;
use crate::transaction::collections::Collections;
use crate::transaction::controls::Controls;
use crate::transaction::found::Found;
use crate::transaction::outcome::{Interruption, Match};
use crate::transaction::program::Program;
use crate::transaction::slots::Slots;
use crate::transaction::strings::{Strings, TextId};
use crate::transaction::treatment::{Treatment, Treatments};
use crate::transaction::values::Values;

/// The state of a transaction.
#[derive(Debug)]
pub(super) struct State {
    pub(super) arena: Arena,
    pub(super) values: Values,
    pub(super) strings: Strings,
    /// For every entry of `values` that was scanned, its text.
    pub(super) texts: Vec<Option<TextId>>,
    pub(super) found: Found,
    pub(super) slots: Slots,
    pub(super) env: Vec<(String, Span)>,
    pub(super) collections: Collections,
    pub(super) controls: Controls,
    pub(super) last: Last,
    /// What becomes of the match at hand.
    pub(super) acting: Treatment,
    /// Values of the test at hand; here so that its room is used again.
    pub(super) subjects: Vec<Subject>,
    pub(super) matches: Vec<Match>,
    pub(super) highest_severity: Option<u8>,
    pub(super) interruption: Option<Interruption>,
    pub(super) would_interrupt: Option<Interruption>,
    pub(super) ended: Ended,
    /// Whether what the prologue settled is settled in this exchange.
    pub(super) settled: bool,
    pub(super) cursor: usize,
    pub(super) steps: u64,
    /// Steps that bounded pattern engines may still take.
    pub(super) pattern_steps: u64,
    /// Arguments of operators that were paid for from these.
    pub(super) paid: Paid,
    pub(super) arguments: u32,
    /// Bytes of the request's body that are content of uploads.
    pub(super) uploaded: usize,
    /// What the rule at hand added to numbers.
    pub(super) added: i64,
    /// The value of the request or response that the rule at hand matched last.
    pub(super) shown: Option<Subject>,
    /// The values that the first test of the rule at hand matched, as far as places of matches are told.
    pub(super) hits: Vec<Subject>,
    pub(super) spent: Option<Spent>,
    pub(super) treatments: Option<Arc<dyn Treatments>>,
    /// Whether nothing may be ended, whatever the rules say of the engine.
    pub(super) only_detects: bool,
    /// The time since the exchange began, as the host said before the phase at hand.
    pub(super) elapsed: Duration,
    /// The request's line and fields, where a rule reads the request as a whole.
    pub(super) head: Span,
    pub(super) session: Option<Span>,
    pub(super) user: Option<Span>,
    /// Whether the rules name the response's media type.
    pub(super) response_body_wanted: bool,
}

/// What of a transaction's budget was used up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// The steps: not every rule was tried.
    Steps,
    /// The memory for values: some were cut or left out.
    Memory,
    /// The arguments (`SecArgumentsLimit`): later ones were left out.
    Arguments,
    /// The body is larger than its limit: what is beyond was left out.
    Body,
}

/// What an `allow` ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    #[default]
    Nothing,
    Request,
    Everything,
}

/// One value under test.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// The variable as the rule names it.
    pub(super) variable: Variable,
    /// The variable it is kept under.
    pub(super) source: Variable,
    pub(super) key: Span,
    pub(super) value: Span,
    /// Its text, where it is known already.
    pub(super) text: Option<TextId>,
    /// Its entry, where a scan found it.
    pub(super) entry: Option<u32>,
}

/// What the last tests matched: `MATCHED_VAR` and its kin.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// Matches of the chain at hand, in order; the value as the operator saw it.
    pub(super) matched: Vec<Subject>,
}

/// The most matches of one chain that are kept.
pub(super) const MATCHED: usize = 4096;
/// What a state keeps of its room between transactions, in bytes of each part.
const KEEP: usize = 1 << 20;

impl State {
    /// A cleared state for that program.
    pub(super) fn new(program: &Program) -> Self {
        Self {
            arena: Arena::default(),
            values: Values::default(),
            strings: Strings::default(),
            texts: Vec::new(),
            found: Found::default(),
            slots: Slots::default(),
            env: Vec::new(),
            collections: Collections::default(),
            controls: Controls::new(&program.config),
            last: Last::default(),
            acting: Treatment::Act,
            subjects: Vec::new(),
            matches: Vec::new(),
            highest_severity: None,
            interruption: None,
            would_interrupt: None,
            ended: Ended::Nothing,
            settled: false,
            cursor: 0,
            steps: 0,
            pattern_steps: 0,
            paid: Paid::default(),
            arguments: 0,
            uploaded: 0,
            added: 0,
            shown: None,
            hits: Vec::new(),
            spent: None,
            treatments: None,
            only_detects: false,
            elapsed: Duration::ZERO,
            head: Span::EMPTY,
            session: None,
            user: None,
            response_body_wanted: false,
        }
    }

    /// Makes it a fresh state for that program.
    pub(super) fn clear(&mut self, program: &Program, budget: Budget) {
        self.arena.clear(budget.bytes);
        self.values.clear();
        self.strings.clear(0);
        self.texts.clear();
        self.found.clear(program);
        self.slots.clear(&program.slots);
        self.env.clear();
        self.collections.clear();
        self.controls = Controls::new(&program.config);
        self.last.matched.clear();
        self.subjects.clear();
        self.matches.clear();
        self.highest_severity = None;
        self.interruption = None;
        self.would_interrupt = None;
        self.ended = Ended::Nothing;
        self.settled = false;
        self.cursor = 0;
        self.steps = budget.steps;
        self.pattern_steps = budget.pattern_steps;
        self.paid.clear();
        self.arguments = 0;
        self.uploaded = 0;
        self.added = 0;
        self.shown = None;
        self.spent = None;
        self.treatments = None;
        self.only_detects = false;
        self.elapsed = Duration::ZERO;
        self.head = Span::EMPTY;
        self.session = None;
        self.user = None;
        self.response_body_wanted = false;
    }

    /// Gives back what an unusually large exchange took.
    pub(super) fn shrink(&mut self) {
        self.arena.shrink(KEEP);
        self.values.shrink(KEEP / 32);
        self.strings.shrink(KEEP);
        for list in [&mut self.subjects, &mut self.last.matched] {
            if list.capacity() > KEEP / 64 {
                *list = Vec::new();
            }
        }
        self.found.shrink(KEEP / 16);
        if self.texts.capacity() > KEEP / 8 {
            self.texts = Vec::new();
        }
    }

    /// Takes steps from the budget; `false` once there are none left.
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        let steps = steps as u64;
        if self.steps < steps {
            self.steps = 0;
            self.spent.get_or_insert(Spent::Steps);
            return false;
        }
        self.steps -= steps;
        true
    }
}
