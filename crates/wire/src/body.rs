//! Bodies as trees of values, each with its place in the bytes: JSON, forms, multipart, XML, GraphQL, protobuf, text.
//!
//! Invariants: parsing stops at its [`Budget`] and says so; values met before a defect are kept; a value's span
//! slices the body back to what was sent, so that masking can replace it in place. Duplicate names are kept and
//! reported. Does not know schemas or what a value means.

mod builder;
mod facts;
mod form;
pub mod graphql;
mod json;
mod multipart;
#[cfg(test)]
mod properties;
pub mod protobuf;
mod shape;
#[cfg(test)]
mod tests;
mod tree;
mod utf16;
mod xml;
mod xpath;

use bytes::Bytes;

pub use facts::{Flaw, Format, Multipart, Unmatched, part_fields};
pub use shape::text_shape;
pub use tree::{Kind, PartFacts, Tree, Value};
pub use xpath::XPath;

use crate::body::builder::Builder;
use crate::defect::{Defect, Defects};
use crate::fields::MediaType;

/// What parsing one body may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most bytes read.
    pub bytes: usize,
    /// The deepest nesting, at most [`DEEPEST`].
    pub depth: u16,
    /// The most values: leaves, arrays and objects together.
    pub values: u32,
    /// The most bytes of one value or name; a longer one is kept, and is a defect.
    pub value_bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 64, values: 20_000, value_bytes: 1 << 20 }
    }
}

/// A body that was read, as far as its syntax and the budget allowed.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its values.
    pub tree: Tree,
    /// What was wrong with it.
    pub defects: Defects,
    /// What it was read as.
    pub format: Format,
    /// How a multipart body is written; absent for any other.
    pub multipart: Option<Box<Multipart>>,
    /// What a GraphQL document asks for; absent for any other body. [`graphql::facts`] looks into JSON, too.
    pub graphql: Option<Box<graphql::Facts>>,
}

/// The deepest nesting any budget can allow, so that walking a tree never runs out of stack.
pub const DEEPEST: u16 = 256;

/// Reads a body by its media type; one of an unknown or absent type becomes text if it is UTF-8, else binary.
///
/// An empty body is an empty tree without a defect, whatever its type.
///
/// JSON and XML in UTF-16 are read as what they are, and the encoding is a defect all the same: spans of values are those
/// in the body brought into UTF-8, and few servers would read it so.
pub fn parse(bytes: &Bytes, media_type: Option<&MediaType>, budget: &Budget) -> Body {
    let readable = |media_type: &&MediaType| media_type.is_json() || media_type.is_xml();
    let within = bytes.get(..bytes.len().min(budget.bytes)).unwrap_or_default();
    match media_type.filter(readable).and_then(|_| utf16::decode(within)) {
        Some(decoded) => {
            let growth = Budget { bytes: budget.bytes.saturating_mul(3) / 2, ..*budget };
            let mut body = parse_utf8(&decoded, media_type, &growth);
            let cut = (within.len() < bytes.len()).then_some(Defect::BodyTooLarge);
            for defect in [Some(Defect::BodyEncoding), cut].into_iter().flatten() {
                if !body.defects.contains(&defect) {
                    body.defects.push(defect);
                }
            }
            body
        }
        None => parse_utf8(bytes, media_type, budget),
    }
}

fn parse_utf8(bytes: &Bytes, media_type: Option<&MediaType>, budget: &Budget) -> Body {
    let mut builder = Builder::new(bytes, budget);
    if builder.sent().is_empty() {
        return builder.finish();
    }
    match media_type {
        Some(media_type) if media_type.is_json() => {
            builder.check_charset(media_type);
            builder.read_as(Format::Json);
            json::parse(&mut builder);
        }
        Some(media_type) if media_type.is_form() => {
            builder.check_charset(media_type);
            builder.read_as(Format::Form);
            form::parse(&mut builder);
        }
        Some(media_type) if media_type.is_xml() => {
            builder.check_charset(media_type);
            xml::parse(&mut builder);
        }
        Some(media_type) if media_type.is_multipart() => multipart::parse(&mut builder, media_type),
        Some(media_type) if media_type.is_graphql() => graphql::read(&mut builder),
        Some(media_type) if media_type.is_protobuf() => protobuf::parse(&mut builder),
        Some(media_type) if media_type.is_grpc() => protobuf::parse_framed(&mut builder),
        other => {
            if let Some(text) = other.filter(|media_type| media_type.is_text()) {
                builder.check_charset(text);
            }
            builder.whole();
        }
    }
    builder.finish()
}

/// Reads a body by the `Content-Type` of its message; a malformed or repeated one is a defect.
pub fn parse_as_declared(bytes: &Bytes, headers: &portcullis_model::Headers, budget: &Budget) -> Body {
    let mut declared = headers.all("content-type");
    let (first, second) = (declared.next(), declared.next());
    let media_type = first.map(MediaType::parse);
    let unclear = second.is_some() || matches!(media_type, Some(None));
    let media_type = media_type.flatten().or_else(|| first.and_then(MediaType::parse_beginning));
    let mut body = parse(bytes, media_type.as_ref(), budget);
    if unclear {
        body.defects.push(Defect::MediaType);
    }
    body
}
