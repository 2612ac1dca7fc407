//! Arguments: pairs of queries, forms and JSON documents, decoded once, within the limit on their number.

use portcullis_wire::body::{Kind, Value};
use portcullis_wire::urlencoded::{Coded, decode_into, pairs};

use crate::transaction::arena::Span;
use crate::transaction::fill::Fill;
use crate::transaction::state::Spent;

/// Names and values.
pub(super) type Pairs = Vec<(Span, Span)>;

/// The leaves of a JSON document, named as ModSecurity names them: `json.items.array_0.note`.
pub(super) struct Leaves {
    pub(super) pairs: Pairs,
    /// The names of lists, so that a pattern for the end of a name sees those as well.
    pub(super) lists: Vec<Span>,
    /// Whether nothing lies deeper than the rules allow.
    pub(super) whole: bool,
}

impl Fill<'_> {
    /// The pairs of a query or form.
    pub(super) fn form_pairs(&mut self, text: &[u8]) -> Pairs {
        let mut found = Pairs::new();
        let mut decoded = Vec::new();
        for pair in pairs(text, self.program.config.argument_separator) {
            if !self.takes_argument() {
                break;
            }
            let name = self.decoded(pair.name, pair.coded, &mut decoded);
            let value = self.decoded(pair.value, pair.coded, &mut decoded);
            found.push((name, value));
        }
        found
    }

    /// The leaves of a JSON document as far down as the rules allow.
    pub(super) fn json_leaves(&mut self, root: Value<'_>) -> Leaves {
        let mut leaves = Leaves { pairs: Pairs::new(), lists: Vec::new(), whole: true };
        let mut name = b"json".to_vec();
        self.json_value(root, &mut name, self.program.config.json_depth_limit, &mut leaves);
        leaves
    }

    /// A tree's depth is bounded by the budget it was read under, and so is this. `levels` more may be gone down.
    fn json_value(&mut self, value: Value<'_>, name: &mut Vec<u8>, levels: u32, leaves: &mut Leaves) {
        if !value.kind().holds_values() {
            if self.takes_argument() {
                let text = match value.kind() {
                    Kind::Bool(true) => b"true",
                    Kind::Bool(false) => &b"false"[..],
                    Kind::Null => b"",
                    _ => value.bytes(),
                };
                let arena = &mut self.state.arena;
                leaves.pairs.push((arena.push(name), arena.push(text)));
            }
            return;
        }
        let Some(levels) = levels.checked_sub(1) else {
            leaves.whole = false;
            return;
        };
        let length = name.len();
        if value.kind() == Kind::Array && value.name().is_some() {
            leaves.lists.push(self.state.arena.push(name));
        }
        for (place, child) in value.children().enumerate() {
            name.push(b'.');
            if value.kind() == Kind::Array {
                name.extend_from_slice(b"array_");
                push_number(place, name);
            } else {
                name.extend_from_slice(child.name_bytes());
            }
            self.json_value(child, name, levels, leaves);
            name.truncate(length);
        }
    }

    /// Counts one more argument; `false` once there are as many as allowed, which is noted.
    pub(super) fn takes_argument(&mut self) -> bool {
        if self.state.arguments >= self.program.config.arguments_limit {
            self.state.spent.get_or_insert(Spent::Arguments);
            return false;
        }
        self.state.arguments += 1;
        true
    }

    fn decoded(&mut self, text: &[u8], coded: Coded, room: &mut Vec<u8>) -> Span {
        if coded == Coded::Plain {
            return self.state.arena.push(text);
        }
        room.clear();
        decode_into(text, room);
        self.state.arena.push(room)
    }
}

/// A number in decimal; without the machinery of formatting, for lists are long.
fn push_number(mut number: usize, out: &mut Vec<u8>) {
    let begin = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.get_mut(begin..).into_iter().for_each(<[u8]>::reverse);
}

/// Whether every percent sign begins an escape.
pub(super) fn escapes_are_valid(text: &[u8]) -> bool {
    memchr::memchr_iter(b'%', text).all(|at| {
        matches!(text.get(at + 1..at + 3), Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::push_number;

    #[test]
    fn numbers_are_written_in_decimal() {
        for number in [0, 7, 10, 99, 1_203, 4_294_967_296] {
            let mut out = b"array_".to_vec();
            push_number(number, &mut out);
            assert_eq!(out, format!("array_{number}").as_bytes());
        }
    }
}
