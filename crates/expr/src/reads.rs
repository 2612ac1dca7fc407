//! What an expression reads, so that others can tell when it can run and what it needs.

use smol_str::SmolStr;

use crate::path::Path;
use crate::value::ListId;
use crate::vocabulary::{Known, Var, tag_known};

/// A tag an expression asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagTest {
    /// `tag("api:shadow")`: this one.
    Exact(SmolStr),
    /// `tagged("data:")`: any that begins so.
    Prefix(SmolStr),
}

impl TagTest {
    /// The tag, or its beginning.
    pub fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
        }
    }

    /// Whether setting `tag` could make the test hold.
    pub fn admits(&self, tag: &str) -> bool {
        match self {
            Self::Exact(text) => text == tag,
            Self::Prefix(prefix) => tag.starts_with(&**prefix),
        }
    }
}

/// Everything an expression reads; each thing once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The variables.
    pub vars: Vec<Var>,
    /// The paths below variables that have members.
    pub members: Vec<(Var, Path)>,
    /// The tags.
    pub tags: Vec<TagTest>,
    /// The lists.
    pub lists: Vec<ListId>,
    /// When all of it is known, as far as variables and automatic tags go.
    pub known: Known,
}

impl Reads {
    /// Whether it reads that variable, or anything below it.
    pub fn has(&self, var: Var) -> bool {
        self.vars.binary_search(&var).is_ok()
    }

    /// Everything either reads.
    pub fn merge(&mut self, other: &Self) {
        other.vars.iter().for_each(|var| self.var(*var));
        other.members.iter().for_each(|(var, path)| self.member(*var, path));
        other.tags.iter().for_each(|tag| self.tag(tag.clone()));
        other.lists.iter().for_each(|list| self.list(*list));
    }

    /// Adds a variable.
    pub fn var(&mut self, var: Var) {
        insert(&mut self.vars, var);
        self.known = self.known.max(var.variable().known);
    }

    /// Adds a path below a variable that has members.
    pub fn member(&mut self, var: Var, path: &Path) {
        self.var(var);
        insert(&mut self.members, (var, path.clone()));
    }

    /// Adds a tag.
    pub fn tag(&mut self, tag: TagTest) {
        self.known = self.known.max(tag_known(tag.text()).unwrap_or_default());
        insert(&mut self.tags, tag);
    }

    pub(crate) fn list(&mut self, list: ListId) {
        insert(&mut self.lists, list);
    }
}

fn insert<T: Ord>(sorted: &mut Vec<T>, item: T) {
    if let Err(place) = sorted.binary_search(&item) {
        sorted.insert(place, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_latest_decides_when_it_is_known() {
        let mut reads = Reads::default();
        reads.var(Var::Method);
        assert_eq!(reads.known, Known::Peer);
        reads.tag(TagTest::Exact("api:shadow".into()));
        assert_eq!(reads.known, Known::Operation);
        let mut other = Reads::default();
        other.member(Var::Body, &Path::key("id"));
        reads.merge(&other);
        reads.merge(&other);
        assert_eq!((reads.known, reads.vars), (Known::RequestBody, vec![Var::Method, Var::Body]));
    }
}
