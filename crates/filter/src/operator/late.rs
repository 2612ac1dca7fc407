//! Operators whose argument is known only when they run: compiled then, and kept for a while.
//!
//! Invariant: at most [`KEPT`] are kept, so that arguments made by clients cannot fill memory.

use std::sync::Arc;

use super::test::{Kind, Test};

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

impl Late {
    /// The test that `kind` and `argument` make; `None` if they make none.
    pub(super) fn of(&mut self, kind: Kind, argument: &[u8]) -> Option<Arc<Test>> {
        let is = |held: &&Compiled| held.kind == kind && *held.argument == *argument;
        if let Some(known) = self.0.iter().find(is) {
            return known.test.clone();
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
