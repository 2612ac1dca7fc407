//! Marked trees of YAML and JSON, and problems that point into them; values written as YAML.
//!
//! Every key and every value knows the file and the bytes it came from, so whatever is wrong with it can be shown
//! to the person who wrote it: file, line, excerpt, what is wrong, what would be right. Reading goes on after a
//! mistake wherever it can. Nothing here opens a file: bytes come in through [`Sources`].

mod insert;
mod json;
mod node;
mod parse;
mod place;
mod problem;
mod render;
mod scalar;
mod sources;
mod write;
mod yaml;

pub use insert::{NotInserted, append, insert};
pub use node::{Entry, Key, Node, Value};
pub use parse::{
    MAX_ALIASED, MAX_BYTES, MAX_DEPTH, MAX_NODES, Parsed, load, load_bytes, load_text, parse, read,
};
pub use place::{Place, SourceFile};
pub use portcullis_model::nearest;
pub use problem::{Problem, Severity};
pub use render::{Style, render};
pub use sources::{MemorySources, SourceError, Sources, join};
pub use write::to_yaml;
