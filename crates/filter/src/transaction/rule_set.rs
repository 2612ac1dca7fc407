//! Rules compiled for matching: immutable, shared by every site and exchange that uses them.

use std::sync::Arc;

/// A compiled rule set; cloning it shares it.
#[derive(Clone, Debug)]
pub struct RuleSet {
    program: Arc<Program>,
}

/// What a rule set compiles to.
#[derive(Debug, Default)]
pub(super) struct Program {}

impl RuleSet {
    /// A set without rules: every phase is done at once.
    pub fn empty() -> Self {
        Self { program: Arc::new(Program::default()) }
    }

    /// How many rules it holds, chained ones counted once.
    pub fn len(&self) -> usize {
        let Program {} = &*self.program;
        0
    }

    /// Whether it holds no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
