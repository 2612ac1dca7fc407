//! The compiled pack: made once per configuration, shared, asked once about a head and once about a body.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use portcullis_model::RequestHead;
use portcullis_wire::{Body, Normal};
use smol_str::SmolStr;
use thiserror::Error;

use crate::builtin::rule::{BuiltinRule, Class, Level};

/// What one use of the pack wants of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackConfig {
    /// Rules above this level stay silent.
    pub level: Level,
    /// The classes asked.
    pub classes: Vec<Class>,
    /// What is not asked, and where.
    pub exclude: Vec<Exclusion>,
    /// The most steps of work (about one byte looked at by one detector) per head and per body.
    pub steps: u64,
}

impl Default for PackConfig {
    fn default() -> Self {
        Self { level: Level::TWO, classes: Class::ALL.to_vec(), exclude: Vec::new(), steps: 20_000_000 }
    }
}

/// What an exclusion silences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excluded {
    /// One rule, by id.
    Rule(SmolStr),
    /// A whole class.
    Class(Class),
    /// Every rule.
    All,
}

/// Rules that are not asked about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Which rules.
    pub rule: Excluded,
    /// Where: a place as findings name it, `body.items[*].note`; `*` stands for any run of characters. `*` alone is
    /// everywhere.
    pub place: SmolStr,
}

/// A configuration the pack cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PackProblem {
    /// An exclusion names a rule that the pack does not have.
    #[error("the built-in pack has no rule `{0}`")]
    UnknownRule(SmolStr),
    /// The pack's own YAML is wrong; a test makes this impossible in a released build.
    #[error("the built-in pack cannot be read: {0}")]
    Broken(String),
}

/// Whether a name or a value was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The name of a parameter, field, cookie or member.
    Name,
    /// Its value.
    Value,
}

/// What one rule saw in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Arc<BuiltinRule>,
    /// Where: `path`, `query.q`, `headers.user-agent`, `cookies.id`, `body.items[2].note`, `body.file (file name)`.
    pub place: SmolStr,
    /// Whether it is the name or the value there.
    pub subject: Subject,
    /// The part that matched, in bytes of the reading it matched in.
    pub range: Range<usize>,
    /// The matched part of that reading, at most 120 bytes; not redacted.
    pub matched: Bytes,
    /// How the value had to be read, outermost first (`url`, `base64`, …); empty if as it was sent.
    pub readings: SmolStr,
    /// What it adds to the exchange's score.
    pub score: u32,
}

/// All findings of one inspection.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// In the order of the walk; one per rule, place and subject.
    pub found: Vec<Finding>,
    /// The step budget ran out before everything was read.
    pub spent: bool,
}

/// Scratch memory of one worker, lent to each inspection; a fresh one gives the same answers.
#[derive(Debug, Default)]
pub struct Workspace {}

/// The rules of one configuration, compiled.
#[derive(Debug)]
pub struct Pack {
    rules: Vec<Arc<BuiltinRule>>,
}

impl Pack {
    /// Compiles the rules that a configuration asks for.
    pub fn new(config: &PackConfig) -> Result<Self, PackProblem> {
        let _ = config;
        Ok(Self { rules: Vec::new() })
    }

    /// The rules it asks, in the order of the documentation.
    pub fn rules(&self) -> &[Arc<BuiltinRule>] {
        &self.rules
    }

    /// What is wrong with a request's target, headers and cookies.
    pub fn inspect_head(&self, head: &RequestHead, normal: &Normal, workspace: &mut Workspace) -> Findings {
        let _ = (head, normal, workspace);
        Findings::default()
    }

    /// What is wrong with a request's body: every name, value and file name of its tree.
    pub fn inspect_body(&self, head: &RequestHead, body: &Body, workspace: &mut Workspace) -> Findings {
        let _ = (head, body, workspace);
        Findings::default()
    }
}
