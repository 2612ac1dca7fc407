//! OpenAPI in, an immutable operation table out.
//!
//! [`load`] reads a site's OpenAPI 3.0, 3.1 and Swagger 2.0 documents and everything they refer to, and gives
//! the [`Contract`], or every problem with its place. [`Contract::find`] says which operation a call is of.
//!
//! Invariants: a contract is immutable and complete; nothing here opens a file (documents come through
//! [`portcullis_document::Sources`]) or reads a clock. Deliberately absent: policy. What follows from an
//! operation's standing, its security or its deprecation is the engine's.

mod check;
mod contract;
pub mod diff;
mod learned;
pub mod lint;
mod load;
mod operation;
pub mod surface;
mod table;
mod template;
mod types;

pub use check::{Cuts, Fault, MOST_FAULTS, Parts, RequestRules, ResponseRules, Sent, Undeclared};
pub use contract::{Contract, Found, Params};
pub use learned::{LearnedOperation, LearnedOperations};
pub use load::{Format, Loaded, Purpose, Versions, load, load_versions};
pub use operation::{DeclaredCall, Frozen, Operation, Requirement, Scheme, Security, operation_id};
pub use template::{SEGMENT_LIMIT, Template, TemplateMistake, TemplateOddity};
pub use types::Types;
