//! The compiled pack: made once per configuration, shared, asked once about a head and once about a body.

use std::sync::Arc;

use portcullis_model::RequestHead;
use portcullis_wire::{Body, Normal};
use regex_automata::meta::{Cache, Regex};
use regex_automata::util::syntax;
use thiserror::Error;

use crate::builtin::detector::Tools;
use crate::builtin::finding::Findings;
use crate::builtin::inspection::Inspection;
use crate::builtin::load::{self, Test, Written};
use crate::builtin::rule::{BuiltinRule, Class, Level};
use crate::builtin::scope::Scope;
use crate::builtin::signal::Signal;
use crate::builtin::walk;
use crate::memory::Memory;
use crate::scan::{Bits, Necessary, Scanner, Scratch};

/// What one use of the pack wants of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackConfig {
    /// Rules above this level stay silent.
    pub level: Level,
    /// The classes asked.
    pub classes: Vec<Class>,
    /// The most steps of work (about one byte looked at by one detector) per head and per body.
    pub steps: u64,
}

impl Default for PackConfig {
    fn default() -> Self {
        Self { level: Level::TWO, classes: Class::ALL.to_vec(), steps: 20_000_000 }
    }
}

/// The pack's own YAML is wrong, with what and where; a test makes this impossible in a released build.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the built-in pack cannot be read: {0}")]
pub struct PackProblem(pub String);

/// Scratch memory of one worker, lent to each inspection; a fresh one gives the same answers.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(super) scan: Scratch,
    pub(super) candidates: Bits,
    /// Names and fields in which nothing was found, with the steps that took.
    pub(super) clean: Memory<u64>,
    /// One per pattern of `owner`, made when first asked.
    caches: Vec<Option<Cache>>,
    owner: Option<Arc<Vec<Pattern>>>,
}

impl Workspace {
    /// Makes the caches fit a pack's patterns.
    fn belong_to(&mut self, patterns: &Arc<Vec<Pattern>>) {
        if !self.owner.as_ref().is_some_and(|owner| Arc::ptr_eq(owner, patterns)) {
            self.caches = Vec::new();
            self.caches.resize_with(patterns.len(), || None);
            self.owner = Some(Arc::clone(patterns));
            self.clean = Memory::default();
        }
    }

    /// Where a pattern matches.
    pub(super) fn find(&mut self, pattern: usize, value: &[u8]) -> Option<std::ops::Range<usize>> {
        let regex = &self.owner.as_ref()?.get(pattern)?.regex;
        let cache = self.caches.get_mut(pattern)?.get_or_insert_with(|| regex.create_cache());
        regex.search_with(cache, &regex_automata::Input::new(value)).map(|found| found.range())
    }
}

/// A rule by its place in [`Pack::rules`], and where it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) rule: usize,
    pub(super) scope: Scope,
}

/// A rule that is a regular expression.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) entry: Entry,
    regex: Regex,
}

/// The rules of one configuration, compiled.
#[derive(Debug)]
pub struct Pack {
    rules: Vec<Arc<BuiltinRule>>,
    steps: u64,
    /// By signal.
    pub(super) signals: Vec<Vec<Entry>>,
    /// By the scanner's index.
    pub(super) patterns: Arc<Vec<Pattern>>,
    pub(super) scanner: Scanner,
    pub(super) tools: Tools,
}

impl Pack {
    /// Compiles the rules that a configuration asks for.
    pub fn new(config: &PackConfig) -> Result<Self, PackProblem> {
        let mut written = load::load().map_err(PackProblem)?;
        written.retain(|written| {
            written.rule.level <= config.level && config.classes.contains(&written.rule.class)
        });
        Self::compile(&written, config.steps)
    }

    fn compile(written: &[Written], steps: u64) -> Result<Self, PackProblem> {
        let mut signals = vec![Vec::new(); Signal::COUNT];
        let mut patterns = Vec::new();
        let mut necessary = Vec::new();
        for (rule, written) in written.iter().enumerate() {
            let entry = Entry { rule, scope: written.scope };
            match &written.test {
                Test::Signal(signal) => {
                    if let Some(entries) = signals.get_mut(*signal as usize) {
                        entries.push(entry);
                    }
                }
                Test::Pattern(pattern) => {
                    let compiled = compile(pattern)
                        .map_err(|wrong| PackProblem(format!("{}: {wrong}", written.rule.id)))?;
                    patterns.push(Pattern { entry, regex: compiled.0 });
                    necessary.push(compiled.1);
                }
            }
        }
        let rules = written.iter().map(|written| Arc::clone(&written.rule)).collect();
        let scanner = Scanner::build(&necessary);
        let tools = Tools::new().map_err(|wrong| PackProblem(wrong.to_string()))?;
        Ok(Self { rules, steps, signals, patterns: Arc::new(patterns), scanner, tools })
    }

    /// Every rule there is, whatever its level, in the order of the documentation.
    pub fn catalogue() -> Result<Vec<Arc<BuiltinRule>>, PackProblem> {
        let written = load::load().map_err(PackProblem)?;
        Ok(written.into_iter().map(|written| written.rule).collect())
    }

    /// The rules it asks, in the order of the documentation.
    pub fn rules(&self) -> &[Arc<BuiltinRule>] {
        &self.rules
    }

    /// What is wrong with a request's target, headers and cookies.
    pub fn inspect_head(&self, head: &RequestHead, normal: &Normal, workspace: &mut Workspace) -> Findings {
        workspace.belong_to(&self.patterns);
        let mut inspection = Inspection::new(self, workspace, self.steps);
        walk::walk_head(head, normal, &mut |site| inspection.look(site));
        inspection.finish()
    }

    /// What is wrong with a request's body: every name, value and file name of its tree.
    pub fn inspect_body(&self, head: &RequestHead, body: &Body, workspace: &mut Workspace) -> Findings {
        let _ = head;
        workspace.belong_to(&self.patterns);
        let mut inspection = Inspection::new(self, workspace, self.steps);
        walk::walk_body(body, &mut |site| inspection.look(site));
        inspection.finish()
    }
}

/// A pattern over bytes in which a dot is any byte and letters match in either case, and what it needs.
fn compile(pattern: &str) -> Result<(Regex, Necessary), String> {
    let syntax =
        syntax::Config::new().unicode(false).utf8(false).case_insensitive(true).dot_matches_new_line(true);
    let hir = syntax::parse_with(pattern, &syntax).map_err(|wrong| wrong.to_string())?;
    let config = Regex::config().utf8_empty(false).hybrid_cache_capacity(256 << 10);
    let regex = Regex::builder().configure(config).build_from_hir(&hir).map_err(|wrong| wrong.to_string())?;
    Ok((regex, Necessary::of_regex(&hir)))
}
