//! Words in fields that say what a thing is called: the same word in a path is then a value, not a name.
//!
//! Invariants: keyed hashes alone; bounded. Numbers, UUIDs and the like are left out: in a path their form tells.

use portcullis_model::observation::{Identifier, SegmentKind};
use portcullis_wire::body::{Kind, Value};
use portcullis_wire::segments::classify;
use portcullis_wire::words::names_things;
use smol_str::SmolStr;

use crate::node_key::NodeKeys;
use crate::phase::body::Parsed;

/// Words told of one exchange, values looked at for them, and how deep.
const MOST: usize = 64;
const LOOKED_AT: usize = 2048;
const DEPTH: u32 = 6;

/// The words of some bodies.
pub(super) fn of(node: &NodeKeys, bodies: [Option<&Parsed>; 2]) -> Vec<Identifier> {
    let mut search = Search { node, found: Vec::new(), left: LOOKED_AT };
    for root in bodies.into_iter().flatten().filter_map(|body| body.body.tree.root()) {
        search.walk(root, DEPTH);
    }
    search.found
}

struct Search<'a> {
    node: &'a NodeKeys,
    found: Vec<Identifier>,
    left: usize,
}

impl Search<'_> {
    fn walk(&mut self, value: Value<'_>, depth: u32) {
        if self.left == 0 || self.found.len() == MOST {
            return;
        }
        self.left -= 1;
        match value.kind() {
            Kind::Array | Kind::Object | Kind::Element if depth > 0 => {
                for child in value.children() {
                    self.walk(child, depth - 1);
                }
            }
            Kind::String | Kind::Attribute => self.take(value),
            _ => {}
        }
    }

    fn take(&mut self, value: Value<'_>) {
        let Some((field, word)) = value.name().zip(value.as_str()) else { return };
        if !word.is_empty() && names_things(field) && classify(word) == SegmentKind::Word {
            let hash = self.node.pseudonym(word.as_bytes());
            self.found.push(Identifier { field: SmolStr::new(field), hash });
        }
    }
}
