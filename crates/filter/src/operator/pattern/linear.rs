//! Patterns for the linear engine: a tree without look-around, references or atomic groups as `regex-syntax` has it.
//!
//! For patterns that have them, [`superset`] gives one that matches wherever they do; it rules values out.

use regex_syntax::hir::{self, Class, ClassBytes, ClassBytesRange, Hir};

use super::tree::{Greed, Look, Node};
use crate::scan::bytes::ByteSet;

/// What to do about parts that the linear engine cannot match.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// Give up.
    Refuse,
    /// Leave the condition out.
    Widen,
}

/// The same pattern, if the linear engine can match it.
pub(super) fn exact(node: &Node) -> Option<Hir> {
    convert(node, Beyond::Refuse)
}

/// A pattern that matches in every value in which this one does.
pub(super) fn superset(node: &Node) -> Hir {
    convert(node, Beyond::Widen).unwrap_or_else(Hir::empty)
}

fn convert(node: &Node, beyond: Beyond) -> Option<Hir> {
    let many = |nodes: &[Node]| nodes.iter().map(|node| convert(node, beyond)).collect::<Option<Vec<Hir>>>();
    Some(match node {
        Node::Set(bytes) => set(bytes),
        Node::Look(at) => Hir::look(look(*at)),
        Node::Group(None, inside) => convert(inside, beyond)?,
        Node::Group(Some(index), inside) => {
            let sub = Box::new(convert(inside, beyond)?);
            Hir::capture(hir::Capture { index: *index, name: None, sub })
        }
        Node::Sequence(parts) => Hir::concat(many(parts)?),
        Node::Choice(branches) => Hir::alternation(many(branches)?),
        Node::Repeat(repeat) if repeat.greed != Greed::Possessive || beyond == Beyond::Widen => {
            Hir::repetition(hir::Repetition {
                min: repeat.min,
                max: repeat.max,
                greedy: repeat.greed != Greed::Lazy,
                sub: Box::new(convert(&repeat.node, beyond)?),
            })
        }
        _ if beyond == Beyond::Refuse => return None,
        Node::Atomic(inside) => convert(inside, beyond)?,
        Node::Back(..) => any(),
        Node::Around(_) | Node::Repeat(_) => Hir::empty(),
    })
}

/// Anything, also nothing.
fn any() -> Hir {
    let sub = Box::new(set(&ByteSet::all()));
    Hir::repetition(hir::Repetition { min: 0, max: None, greedy: true, sub })
}

fn set(bytes: &ByteSet) -> Hir {
    let ranges = bytes.ranges().map(|range| ClassBytesRange::new(*range.start(), *range.end()));
    Hir::class(Class::Bytes(ClassBytes::new(ranges)))
}

const fn look(look: Look) -> hir::Look {
    match look {
        Look::Start => hir::Look::Start,
        Look::End => hir::Look::End,
        Look::LineStart => hir::Look::StartLF,
        Look::LineEnd => hir::Look::EndLF,
        Look::Word => hir::Look::WordAscii,
        Look::NotWord => hir::Look::WordAsciiNegate,
    }
}
