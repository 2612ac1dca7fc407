//! The linear engine's machine for one pattern, made when a value first needs it.
//!
//! Most patterns of a rule set never meet a value that could match them, so that machines for all of them would be
//! most of the time and memory that loading takes. Invariants: a pattern that has no machine, because it would be too
//! large, is a problem when it is read; making one takes a millisecond or so, once, and changes no verdict. Does not know
//! how a machine is searched with.

use std::sync::{Arc, OnceLock};

use regex_automata::meta::{BuildError, Regex};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{linear, syntax};

/// How large a compiled pattern may become.
const LARGEST: usize = 16 << 20;

/// How many bytes of states a worker keeps for one direction of one pattern before it starts afresh.
const STATES: usize = 1 << 20;

/// A machine, or what it takes to make it.
#[derive(Debug)]
pub(super) struct Automaton {
    pattern: Box<[u8]>,
    made: OnceLock<Option<Arc<Regex>>>,
}

impl Automaton {
    /// For a pattern and what [`linear_form`] made of it. Where it is not plain that the machine will be small enough,
    /// it is made at once.
    pub(super) fn new(pattern: &[u8], hir: &Hir) -> Result<Self, String> {
        let made = OnceLock::new();
        if largest_size(hir) > LARGEST {
            let regex = build(hir).map_err(|error| too_large(&error))?;
            made.get_or_init(|| Some(Arc::new(regex)));
        }
        Ok(Self { pattern: pattern.into(), made })
    }

    /// The machine; it is there for every pattern that could be read.
    pub(super) fn regex(&self) -> Option<&Arc<Regex>> {
        let make = || build(&linear_form(&syntax::parse(&self.pattern).ok()?.root)).ok().map(Arc::new);
        self.made.get_or_init(make).as_ref()
    }
}

/// The pattern itself, or a wider one that rules values out.
pub(super) fn linear_form(root: &super::tree::Node) -> Hir {
    linear::exact(root).unwrap_or_else(|| linear::superset(root))
}

fn build(hir: &Hir) -> Result<Regex, Box<BuildError>> {
    let config = Regex::config()
        .utf8_empty(false)
        .nfa_size_limit(Some(LARGEST))
        .onepass_size_limit(Some(64 << 10))
        .hybrid_cache_capacity(STATES);
    Regex::builder().configure(config).build_from_hir(hir).map_err(Box::new)
}

fn too_large(error: &BuildError) -> String {
    match error.size_limit() {
        Some(limit) => format!("compiled it would need more than {limit} bytes"),
        None => error.to_string(),
    }
}

/// Bytes that the states of one part take at most, beside what is in it.
const PART: usize = 512;
/// Bytes that a transition takes at most.
const TRANSITION: usize = 64;

/// More bytes than the states of a machine take.
fn largest_size(hir: &Hir) -> usize {
    let all = |parts: &[Hir]| parts.iter().map(largest_size).fold(0, usize::saturating_add);
    let inside = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => TRANSITION * literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => TRANSITION * class.ranges().len(),
        // Patterns here are of bytes; a class of characters may take up to this for each of its ranges.
        HirKind::Class(Class::Unicode(class)) => 64 * TRANSITION * class.ranges().len(),
        HirKind::Repetition(repeat) => {
            let copies = repeat.max.unwrap_or(repeat.min).max(repeat.min).saturating_add(1);
            largest_size(&repeat.sub).saturating_mul(copies as usize)
        }
        HirKind::Capture(capture) => largest_size(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => all(parts),
    };
    inside.saturating_add(PART)
}

#[cfg(test)]
mod tests {
    use regex_automata::nfa::thompson::{NFA, WhichCaptures};

    use super::*;

    fn hir(pattern: &str) -> Hir {
        linear_form(&syntax::parse(pattern.as_bytes()).unwrap().root)
    }

    #[test]
    fn a_size_is_never_guessed_too_small() {
        for pattern in [
            "",
            "a",
            "(a|b|cd|)*?x{0}",
            "[^a][b-z0-9]{3,70}",
            "(?i)\\b(?:select|union|insert|update)\\b.{0,30}from",
            "((((a)?b)?c)?d)?{2,5}",
            "(?:\\W|\\w\\s){40}$",
            "(?:(?:a|bc){30}d){30}",
        ] {
            for reverse in [false, true] {
                let captures = if reverse { WhichCaptures::None } else { WhichCaptures::All };
                let config = NFA::config()
                    .utf8(false)
                    .reverse(reverse)
                    .which_captures(captures)
                    .nfa_size_limit(Some(largest_size(&hir(pattern))));
                let nfa = NFA::compiler().configure(config).build_from_hir(&hir(pattern));
                assert!(nfa.is_ok(), "{pattern}: {nfa:?}");
            }
        }
    }

    #[test]
    fn machines_are_made_when_they_are_needed_and_problems_told_before() {
        let small = Automaton::new(b"a+b", &hir("a+b")).unwrap();
        assert!(small.made.get().is_none());
        assert!(small.regex().is_some() && small.made.get().is_some());
        let large = "(?:[a-z]{200}x){200}";
        assert!(Automaton::new(large.as_bytes(), &hir(large)).unwrap().made.get().is_some());
        let too_large = "(?:(?:[a-z]{1000}x){1000}y){1000}";
        let problem = Automaton::new(too_large.as_bytes(), &hir(too_large)).unwrap_err();
        assert!(problem.contains("more than"), "{problem}");
    }
}
