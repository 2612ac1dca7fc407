//! The rules and limits of one server, gathered over its locations: equal ones become one.
//!
//! Invariant: names are unique in a site and are names.

use std::collections::BTreeSet;

use portcullis_document::Place;

use crate::tree::Tree;

use super::access::both;
use super::upstream::told;

/// Rules and limits being gathered.
#[derive(Debug, Default)]
pub(super) struct Rules {
    drafts: Vec<Draft>,
}

#[derive(Debug)]
struct Draft {
    what: What,
    /// What makes it equal to another.
    key: String,
    name: String,
    locations: Vec<usize>,
    extra: String,
    tree: Tree,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Rule,
    Limit,
}

/// A name out of any text.
pub(super) fn slug(text: &str) -> String {
    let safe = |one: char| if one.is_ascii_alphanumeric() || matches!(one, '_' | '.') { one } else { '-' };
    let mapped: String = text.chars().map(safe).take(40).collect();
    let parts: Vec<_> = mapped.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "it".to_owned() } else { parts.join("-") }
}

impl Rules {
    fn add(&mut self, what: What, key: &str, at: usize, extra: &str, name: &str, tree: &Tree) {
        let same =
            |one: &&mut Draft| one.what == what && one.key == key && one.extra == extra && one.tree == *tree;
        match self.drafts.iter_mut().find(same) {
            Some(draft) => {
                if !draft.locations.contains(&at) {
                    draft.locations.push(at);
                }
            }
            None => self.drafts.push(Draft {
                what,
                key: key.to_owned(),
                name: name.to_owned(),
                locations: vec![at],
                extra: extra.to_owned(),
                tree: tree.clone(),
            }),
        }
    }

    /// A rule with that action for a location, where `extra` holds besides.
    pub(super) fn act(&mut self, at: usize, place: &Place, name: &str, extra: &str, action: Tree) {
        let tree = Tree::map().with("action", action).about(&format!("{name} ({})", told(place)));
        self.add(What::Rule, &told(place), at, extra, &slug(name), &tree);
    }

    /// A rule that refuses a location because a part of it could not be carried over.
    pub(super) fn refuse(&mut self, at: usize, place: &Place, name: &str, status: u64) {
        let comment =
            format!("todo: `{name}` ({}) could not be carried over; refused until you decide.", told(place));
        let tree = Tree::map().with("action", super::answer::block(status, None)).about(&comment);
        self.add(What::Rule, &told(place), at, "", &slug(&format!("todo-{name}")), &tree);
    }

    /// A rule that sets fields.
    pub(super) fn headers(&mut self, at: usize, fields: Tree, comment: &str) {
        let tree = Tree::map().with("headers", Tree::map().with("set", fields)).about(comment);
        self.add(What::Rule, "headers", at, "", "proxy_set_header", &tree);
    }

    /// A limit, without its name and condition.
    pub(super) fn limit(&mut self, key: &str, at: usize, name: &str, tree: &Tree) {
        self.add(What::Limit, key, at, "", name, tree);
    }

    /// The rules and the limits; `scope` is the server's condition, `conditions` those of its locations.
    pub(super) fn finish(
        self,
        scope: &str,
        conditions: &[String],
        taken: &mut BTreeSet<String>,
    ) -> (Vec<Tree>, Vec<Tree>) {
        let (mut rules, mut limits) = (Vec::new(), Vec::new());
        for draft in self.drafts {
            let own: Vec<_> = draft.locations.iter().filter_map(|at| conditions.get(*at)).collect();
            let everywhere = conditions.iter().enumerate().all(|(at, _)| draft.locations.contains(&at));
            let selected = match own.as_slice() {
                _ if everywhere => String::new(),
                [one] => (*one).clone(),
                several => format!(
                    "({})",
                    several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" || ")
                ),
            };
            let when = both(&[scope, &selected, &draft.extra]);
            let mut name = draft.name.clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{}-{number}", draft.name);
                number += 1;
            }
            let mut tree = Tree::map().with("name", Tree::text(&name));
            if when != "true" || draft.what == What::Rule {
                tree.set("when", Tree::text(&when));
            }
            let tree = tree.merged(draft.tree);
            if draft.what == What::Rule { rules.push(tree) } else { limits.push(tree) }
        }
        (rules, limits)
    }
}
