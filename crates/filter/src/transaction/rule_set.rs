//! Rules compiled for matching: immutable, shared by every site and exchange that uses them.

use std::sync::Arc;

use portcullis_document::Problem;

use crate::seclang::Rules;
use crate::transaction::compile::compile_program;
use crate::transaction::program::Program;

/// A compiled rule set; cloning it shares it.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(super) program: Arc<Program>,
}

impl RuleSet {
    /// Compiles rules.
    pub fn compile(rules: &Rules) -> Result<Self, Vec<Problem>> {
        Ok(Self { program: Arc::new(compile_program(rules)?) })
    }

    /// How many rules it holds, chained ones counted once.
    pub fn len(&self) -> usize {
        self.program.phases.iter().map(|phase| phase.rules.len()).sum()
    }

    /// Whether it may want to see bodies of responses.
    pub fn reads_responses(&self) -> bool {
        self.program.config.response_body_access
    }

    /// Whether it holds no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rule sets, transactions and others share what this one compiled to.
    pub fn shares(&self) -> usize {
        Arc::strong_count(&self.program)
    }
}
