//! Options that name operations.
//!
//! Invariant: names and ids are taken as written; what they are of is found out by who carries the command out.

use std::path::PathBuf;

use clap::Args;

/// Options of `api adopt`.
#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// Their names, `GET /customers/{customerId}`, or ids.
    #[arg(required = true, value_name = "OPERATION")]
    pub(crate) operations: Vec<String>,
    /// The document; the site's contract if that is one file.
    #[arg(long, value_name = "FILE")]
    pub(crate) into: Option<PathBuf>,
    /// Change the document.
    #[arg(long)]
    pub(crate) write: bool,
    /// Only of this site.
    #[arg(long)]
    pub(crate) site: Option<String>,
}

/// One operation.
#[derive(Args, Debug)]
pub(crate) struct OneOperation {
    /// Its name, `GET /customers/{customerId}`, or its id, also one it had before.
    pub(crate) operation: String,
    /// Only of this site.
    #[arg(long)]
    pub(crate) site: Option<String>,
}
