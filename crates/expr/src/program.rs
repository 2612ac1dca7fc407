//! Compiled expressions: a line of tests, each saying where to go on when it holds and when it does not.
//!
//! `&&`, `||`, `!` and `?:` are gone; what is left are tests whose sets, prefixes and patterns were prepared when
//! the policy was loaded. A step only ever leads to an earlier one in memory, so evaluation ends; it allocates
//! only for what computes new text and for loops over lists.
//!
//! Nanoseconds an evaluation, the host's lookups included (`cargo bench -p portcullis-expr`, on a virtual machine
//! of two cores that was busy building, so upper bounds): a tag among ten 31, a namespace of tags 50, method, path
//! prefix and tag together 66, one of 100 words 36, one of 250 networks 65, one of 20 prefixes 100, a regular
//! expression 110, part of a header 65, arithmetic 68, a test of a newly made text 150. Checking and compiling a
//! condition takes 82 µs, nearly all of it in the parser.

mod compile;
mod operand;
mod prefixes;
mod test;

#[cfg(test)]
mod oracle;

use std::borrow::Cow;
use std::sync::Arc;

use crate::semantics;
use crate::typed::Typed;
use crate::value::{Facts, Value};
use operand::Operand;
use test::Test;

/// A compiled expression; cheap to clone.
#[derive(Clone, Debug)]
pub struct Program {
    code: Arc<Code>,
}

#[derive(Debug)]
enum Code {
    Condition(Condition),
    Value(Operand),
}

/// A condition: its tests, the first of which is the last in memory.
#[derive(Debug)]
struct Condition {
    steps: Vec<Step>,
    entry: Target,
}

#[derive(Debug)]
struct Step {
    test: Test,
    holds: Target,
    fails: Target,
}

/// Where to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Step(u32),
    True,
    False,
}

/// What is known while a program runs: the host's facts, and the items of enclosing loops.
#[derive(Clone, Copy)]
struct Scope<'f, 's> {
    facts: &'f dyn Facts,
    items: &'s [Value<'f>],
}

impl Program {
    pub(crate) fn new(typed: &Typed) -> Self {
        Self { code: Arc::new(compile::compile(typed)) }
    }

    /// Whether the condition holds. Null, and whatever is not `true`, does not.
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        let scope = Scope { facts, items: &[] };
        match &*self.code {
            Code::Condition(condition) => condition.holds(scope),
            Code::Value(operand) => semantics::is_true(&operand.value(scope)),
        }
    }

    /// The value.
    pub fn value<'f>(&'f self, facts: &'f dyn Facts) -> Value<'f> {
        let scope = Scope { facts, items: &[] };
        match &*self.code {
            Code::Condition(condition) => Value::Bool(condition.holds(scope)),
            Code::Value(operand) => operand.value(scope),
        }
    }

    /// The value as text, lists joined with commas; `None` where it is null or has no text.
    pub fn text<'f>(&'f self, facts: &'f dyn Facts) -> Option<Cow<'f, str>> {
        semantics::text(self.value(facts))
    }
}

impl Condition {
    fn holds<'f>(&'f self, scope: Scope<'f, '_>) -> bool {
        let mut target = self.entry;
        loop {
            let step = match target {
                Target::True => return true,
                Target::False => return false,
                Target::Step(at) => self.steps.get(at as usize),
            };
            let Some(step) = step else { return false };
            target = if step.test.holds(scope) { step.holds } else { step.fails };
        }
    }
}
