//! Operations that no document declares, as they were learned from traffic, in a table like a contract's.
//!
//! Invariants: immutable once built; where two answer the same method and path shape, the first is kept. It does not
//! know how they were learned.

use http::Method;
use portcullis_model::OperationId;
use smol_str::{SmolStr, format_smolstr};

use crate::table::{Hit, Index, Table};
use crate::template::Template;

/// What was learned of a site beyond its contract.
#[derive(Clone, Debug, Default)]
pub struct LearnedOperations {
    operations: Vec<LearnedOperation>,
    table: Table,
}

/// An operation that was learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnedOperation {
    /// Its stable id.
    pub id: OperationId,
    /// What people call it: `GET /customers/{customerId}`.
    pub name: SmolStr,
}

impl LearnedOperations {
    /// Adds an operation, unless its paths are those of one that is there or its method is none.
    pub fn add(&mut self, id: OperationId, method: &str, template: &Template) {
        let Ok(named) = Method::from_bytes(method.as_bytes()) else { return };
        if self.table.insert(&named, template, self.operations.len() as Index).is_ok() {
            let name = format_smolstr!("{method} {}", template.as_str());
            self.operations.push(LearnedOperation { id, name });
        }
    }

    /// Whether one has this id.
    pub fn has(&self, id: &OperationId) -> bool {
        self.operations.iter().any(|known| known.id == *id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The operation a call is of; segments as [`Contract::find`](crate::Contract::find) takes them.
    pub fn find<S: AsRef<str>>(&self, method: &Method, segments: &[S]) -> Option<&LearnedOperation> {
        match self.table.find(method, segments) {
            Hit::Operation(index, _) => self.operations.get(index as usize),
            Hit::OtherMethod(_) | Hit::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_win_over_values_and_methods_count() {
        let mut learned = LearnedOperations::default();
        for (id, path) in [("value", "/users/{userId}"), ("name", "/users/login"), ("late", "/users/{id}")] {
            let (template, _) = Template::parse(path).unwrap();
            learned.add(OperationId::new(id), "GET", &template);
        }
        let find = |method: &Method, path: &str| {
            let segments: Vec<&str> = path.split('/').skip(1).collect();
            learned.find(method, &segments).map(|known| known.name.to_string())
        };
        assert_eq!(learned.len(), 2);
        assert_eq!(find(&Method::GET, "/users/login").unwrap(), "GET /users/login");
        assert_eq!(find(&Method::GET, "/users/alice").unwrap(), "GET /users/{userId}");
        assert_eq!(find(&Method::POST, "/users/alice"), None);
    }
}
