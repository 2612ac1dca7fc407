//! A site's contract: every operation its documents declare, and the table that finds one for a call.
//!
//! Invariants: it is immutable, and made only by [`crate::load`] from documents without mistakes; no two of its
//! operations answer the same method and path shape.

use http::Method;
use portcullis_model::OperationId;
use smol_str::SmolStr;

use crate::learned::{LearnedOperation, LearnedOperations};
use crate::operation::{Operation, Scheme};
use crate::table::{Captures, Hit, Index, Table};

/// The operations and security schemes a site declares.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    operations: Vec<Operation>,
    schemes: Vec<Scheme>,
    table: Table,
    /// What only former versions declare.
    retired: LearnedOperations,
}

/// What a contract says about a call.
#[derive(Debug)]
pub enum Found<'a> {
    /// It is this operation's, with these path parameters.
    Operation(&'a Operation, Params<'a>),
    /// The path is declared, with other methods.
    OtherMethod(Vec<Method>),
    /// Nothing declares the path.
    Nothing,
}

/// The values of a matched operation's path parameters, percent-decoded, in the template's order.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    names: &'a [SmolStr],
    values: Captures<'a>,
}

impl<'a> Params<'a> {
    /// Every name and value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a SmolStr, &str)> {
        self.names.iter().zip(self.values.iter().map(AsRef::as_ref))
    }

    /// The value of one parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Contract {
    /// Every operation, in the order declared.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Every security scheme the documents declare; one of a name.
    pub fn schemes(&self) -> &[Scheme] {
        &self.schemes
    }

    /// An operation by its id.
    pub fn operation(&self, id: &OperationId) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == *id)
    }

    /// Finds the operation a call is of.
    ///
    /// `segments` are the percent-decoded segments of the normal path: `/a/b` is `["a", "b"]`, `/a/` is
    /// `["a", ""]`, `/` is `[""]`. Literals win over templates at every segment; a trailing slash is ignored
    /// where nothing is declared that has (or has not) one; `HEAD` takes `GET`'s operation.
    pub fn find<'a, S: AsRef<str>>(&'a self, method: &Method, segments: &'a [S]) -> Found<'a> {
        match self.table.find(method, segments) {
            Hit::Operation(index, values) => match self.operations.get(index as usize) {
                Some(operation) => {
                    Found::Operation(operation, Params { names: operation.template.parameters(), values })
                }
                None => Found::Nothing,
            },
            Hit::OtherMethod(allowed) => Found::OtherMethod(allowed),
            Hit::Nothing => Found::Nothing,
        }
    }

    /// Adds an operation; the one that answers its method and paths already, if one does.
    pub(crate) fn declare(&mut self, operation: Operation) -> Result<(), &Operation> {
        let index = self.operations.len() as Index;
        match self.table.insert(&operation.method, &operation.template, index) {
            Ok(()) => {
                self.operations.push(operation);
                Ok(())
            }
            Err(known) => self.operations.get(known as usize).map_or(Ok(()), Err),
        }
    }

    /// The operation that only a former version declares, if a call is of one; segments as [`find`](Self::find) takes them.
    pub fn retired<S: AsRef<str>>(&self, method: &Method, segments: &[S]) -> Option<&LearnedOperation> {
        self.retired.find(method, segments)
    }

    /// Whether an operation of this id is one that only a former version declares.
    pub fn is_retired(&self, id: &OperationId) -> bool {
        self.retired.has(id)
    }

    /// Adds an operation of a former version, unless this one declares it.
    pub(crate) fn retire(&mut self, operation: &Operation) {
        if self.operation(&operation.id).is_none() {
            self.retired.add(operation.id.clone(), operation.method.as_str(), &operation.template);
        }
    }

    /// Adds a security scheme; the one of its name, if that is another.
    pub(crate) fn declare_scheme(&mut self, scheme: Scheme) -> Result<(), &Scheme> {
        let of = |scheme: &Scheme| scheme.kind.trim_start_matches("http ").to_owned();
        match self.schemes.iter().position(|known| known.name == scheme.name) {
            None => {
                self.schemes.push(scheme);
                Ok(())
            }
            Some(index) => match self.schemes.get(index) {
                // 2.0 says `basic` for 3's `http basic`.
                Some(known) if of(known) != of(&scheme) => Err(known),
                _ => Ok(()),
            },
        }
    }
}
