//! `portcullis schema`: JSON Schemas for editors and programs.

use crate::cli::SchemaOf;
use crate::{Exit, output};

/// Prints the schema asked for.
pub(crate) fn run(of: SchemaOf) -> Exit {
    match of {
        SchemaOf::Policy => output::pretty_json(&portcullis_policy::json_schema()),
        SchemaOf::Event => output::pretty_json(&portcullis_events::event_schema()),
    };
    Exit::Done
}
