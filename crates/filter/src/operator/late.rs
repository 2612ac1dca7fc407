//! Operators whose argument is known only when they run: compiled then, and kept for a while.
//!
//! Invariant: at most [`KEPT`] are kept, so that arguments made by clients cannot fill memory.

use std::sync::Arc;

use super::test::{Kind, Test};

/// How many compiled arguments a worker keeps.
const KEPT: usize = 16;

/// Tests compiled from arguments that came with calls, the most recent last.
#[derive(Debug, Default)]
pub(super) struct Late(Vec<(Kind, Box<[u8]>, Option<Arc<Test>>)>);

impl Late {
    /// The test that `kind` and `argument` make; `None` if they make none.
    pub(super) fn of(&mut self, kind: Kind, argument: &[u8]) -> Option<Arc<Test>> {
        let known = self.0.iter().position(|(held, text, _)| *held == kind && **text == *argument);
        if let Some((.., test)) = known.and_then(|at| self.0.get(at)) {
            return test.clone();
        }
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        let test = Test::compile(kind, argument, &mut |_| Err("data files cannot be named by macros".into()));
        let test = test.ok().map(Arc::new);
        self.0.push((kind, argument.into(), test.clone()));
        test
    }
}
