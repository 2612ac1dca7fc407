//! Operators whose argument is known only when they run: compiled then, paid for in steps, and kept for a while.
//!
//! Invariants: at most [`KEPT`] are kept, so that arguments made by clients cannot fill memory; an exchange pays for an
//! argument whether or not the worker still has it, so that what another exchange left behind changes no verdict.

use std::sync::Arc;

use super::test::{Kind, Test};
use super::work::Work;

/// How many compiled arguments a worker keeps.
const KEPT: usize = 16;

/// Tests compiled from arguments that came with calls, the most recent last.
#[derive(Debug, Default)]
pub(super) struct Late(Vec<Compiled>);

#[derive(Debug)]
struct Compiled {
    kind: Kind,
    argument: Box<[u8]>,
    /// `None` if the argument is none that the kind takes.
    test: Option<Arc<Test>>,
}

/// The arguments an exchange paid for last, the most recent last. The host keeps it with the exchange.
#[derive(Debug, Default)]
pub struct Paid(Vec<(Kind, Box<[u8]>)>);

impl Paid {
    /// Forgets them: another exchange begins.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the argument is paid for; from now on it is.
    fn covers(&mut self, kind: Kind, argument: &[u8]) -> bool {
        if let Some(at) = self.0.iter().position(|(known, paid)| *known == kind && **paid == *argument) {
            let known = self.0.remove(at);
            self.0.push(known);
            return true;
        }
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push((kind, argument.into()));
        false
    }
}

/// Steps for making a test of an argument, before anything is made. Compiling may take a few hundred times as long as
/// reading: classes, repetitions and tables.
fn price(argument: &[u8]) -> u64 {
    BASE + argument.len() as u64 * STEPS_A_BYTE
}

const BASE: u64 = 2_000;
const STEPS_A_BYTE: u64 = 50;

/// Bytes of a compiled argument for one step more.
const BYTES_A_STEP: usize = 16;

/// Steps more for an argument that makes no test: it may have grown to its limit before that was plain.
const IN_VAIN: u64 = 100_000;

impl Work {
    /// The test that `kind` and `argument` make; `None` if they make none, or if the steps do not suffice.
    pub(super) fn late(&mut self, kind: Kind, argument: &[u8]) -> Option<Arc<Test>> {
        let paid = self.paid.covers(kind, argument);
        if !paid {
            self.pay(price(argument))?;
        }
        let test = self.late.of(kind, argument);
        if !paid {
            self.pay(test.as_ref().map_or(IN_VAIN, |test| (test.size() / BYTES_A_STEP) as u64))?;
        }
        test
    }
}

impl Late {
    fn of(&mut self, kind: Kind, argument: &[u8]) -> Option<Arc<Test>> {
        let is = |held: &Compiled| held.kind == kind && *held.argument == *argument;
        // The one used last goes to the end, as with what is paid for, so that nothing paid for is compiled again.
        if let Some(at) = self.0.iter().position(is) {
            let known = self.0.remove(at);
            let test = known.test.clone();
            self.0.push(known);
            return test;
        }
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        let test = Test::compile(kind, argument, &mut |_| Err("data files cannot be named by macros".into()));
        let test = test.ok().map(Arc::new);
        self.0.push(Compiled { kind, argument: argument.into(), test: test.clone() });
        test
    }
}

#[cfg(test)]
mod tests {
    use super::super::test::kind;
    use super::*;

    #[test]
    fn an_exchange_pays_the_same_whatever_a_worker_kept() {
        let (_, rx) = kind("rx").unwrap();
        let spend = |work: &mut Work| {
            work.steps = 1_000_000;
            work.paid.clear();
            for argument in [&b"a+b"[..], b"[a-z]{50}x", b"a+b", b"(", b"a+b"] {
                work.late(rx, argument);
            }
            work.steps
        };
        let mut used = Work::default();
        let first = spend(&mut used);
        assert_eq!(spend(&mut used), first);
        let expected = 1_000_000 - IN_VAIN - price(b"a+b") - price(b"[a-z]{50}x") - price(b"(");
        assert!(first < expected, "{first}: what was compiled costs, too");
    }

    #[test]
    fn arguments_without_end_run_out_of_steps() {
        let (_, rx) = kind("rx").unwrap();
        let mut work = Work::default();
        let made =
            (0..10_000).filter(|index| work.late(rx, format!("x{index}").as_bytes()).is_some()).count();
        assert!(work.exhausted && made < 500, "{made}");
    }
}
