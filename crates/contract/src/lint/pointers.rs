//! Where flaws stand: a JSON pointer and a place for each node that was found, in one walk over every document.

use std::fmt::Write as _;

use hashbrown::HashMap;
use portcullis_document::{Node, Place};

use super::{Flaw, Raised};
use crate::load::library::Library;

/// Gives every flaw its pointer; the place is that of the key it stands under, where there is one.
pub(super) fn settle(library: &Library, raised: Vec<Raised<'_>>) -> Vec<Flaw> {
    let mut found: HashMap<*const Node, Option<(String, Place)>> =
        raised.iter().map(|one| (std::ptr::from_ref(one.at.node), None)).collect();
    for path in library.files() {
        if let Some(root) = library.document(path) {
            walk(root.node, &root.node.place, &mut String::new(), &mut found);
        }
    }
    let settled = raised.into_iter().map(|one| {
        let known = found.get(&std::ptr::from_ref(one.at.node)).cloned().flatten();
        let (pointer, place) = known.unwrap_or_else(|| (String::new(), one.at.node.place.clone()));
        Flaw { rule: one.rule, place, pointer, subject: one.subject }
    });
    settled.collect()
}

/// Documents are as deep as their parser lets them be.
fn walk(
    node: &Node,
    place: &Place,
    pointer: &mut String,
    found: &mut HashMap<*const Node, Option<(String, Place)>>,
) {
    if let Some(wanted @ None) = found.get_mut(&std::ptr::from_ref(node)) {
        *wanted = Some((pointer.clone(), place.clone()));
    }
    let length = pointer.len();
    for entry in node.entries().unwrap_or_default() {
        pointer.push('/');
        pointer.push_str(&entry.key.text.replace('~', "~0").replace('/', "~1"));
        walk(&entry.value, &entry.key.place, pointer, found);
        pointer.truncate(length);
    }
    for (index, item) in node.items().unwrap_or_default().iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(pointer, "/{index}");
        walk(item, &item.place, pointer, found);
        pointer.truncate(length);
    }
}
