//! Text with macros, compiled: names of `TX` are slots, plain text is ready to copy.
//!
//! Invariant: expanding writes into the arena only. Does not know when a text is needed.

use smol_str::SmolStr;

use crate::seclang::{Macro, Piece, Variable};
use crate::transaction::slots::{Slot, SlotNames};

/// Text that may hold macros.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    /// As it is.
    Plain(SmolStr),
    /// In pieces.
    Pieces(Box<[Part]>),
}

/// One piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// As it is.
    Plain(SmolStr),
    /// A variable of the transaction.
    Slot(Slot),
    /// Any other variable; of a keyed one, the first value under the key.
    Value(Variable, Option<SmolStr>),
}

impl Text {
    /// Compiles a macro; names of `TX` get their slots.
    pub(super) fn compile(text: &Macro, slots: &mut SlotNames) -> Self {
        if let Some(plain) = text.as_text() {
            return Self::Plain(plain.into());
        }
        Self::Pieces(text.pieces.iter().map(|piece| Part::compile(piece, slots)).collect())
    }

    /// The text, if nothing in it has to be expanded.
    pub(super) fn plain(&self) -> Option<&SmolStr> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Pieces(_) => None,
        }
    }

    /// The only piece, if it is a variable of the transaction.
    pub(super) fn only_slot(&self) -> Option<Slot> {
        match self {
            Self::Pieces(parts) => match **parts {
                [Part::Slot(slot)] => Some(slot),
                _ => None,
            },
            Self::Plain(_) => None,
        }
    }

    /// The variables it reads beside `TX`.
    pub(super) fn variables(&self) -> impl Iterator<Item = Variable> {
        let parts = match self {
            Self::Plain(_) => &[],
            Self::Pieces(parts) => &**parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Value(variable, _) => Some(*variable),
            Part::Plain(_) | Part::Slot(_) => None,
        })
    }
}

impl Part {
    fn compile(piece: &Piece, slots: &mut SlotNames) -> Self {
        match piece {
            Piece::Text(text) => Self::Plain(text.clone()),
            Piece::Value(Variable::Tx, Some(name)) => Self::Slot(slots.name(name)),
            Piece::Value(variable, key) => Self::Value(*variable, key.clone()),
        }
    }
}
