//! What a contract by URL is made of: the document that policy names, and those beside it that it refers to.
//!
//! Invariants: parts are on the server of the document that refers to them, for a reference to another is not followed;
//! there are at most [`MOST`] of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use portcullis_contract::{Loaded, Purpose};
use portcullis_document::{Problem, Severity, SourceError, Sources};

use super::RemoteDocument;

/// Documents that one contract may be made of.
pub(super) const MOST: usize = 64;

/// Documents that came, by their URLs.
pub(super) type Documents = BTreeMap<String, Bytes>;

/// What is referred to and did not come yet.
pub(super) fn missing(root: &RemoteDocument, documents: &Documents) -> Vec<RemoteDocument> {
    let named = load(root, documents).files.into_iter();
    named
        .filter(|url| !documents.contains_key(url))
        .map(|url| RemoteDocument { url, ..root.clone() })
        .collect()
}

/// Why the documents make no contract.
pub(super) fn mistake(root: &RemoteDocument, documents: &Documents) -> Option<String> {
    let is_error = |problem: &&Problem| problem.severity == Severity::Error;
    load(root, documents).problems.iter().find(is_error).map(ToString::to_string)
}

fn load(root: &RemoteDocument, documents: &Documents) -> Loaded {
    portcullis_contract::load("fetched", &[&root.url], Purpose::Find, &Came(documents))
}

/// What came, and nothing else.
struct Came<'a>(&'a Documents);

impl Sources for Came<'_> {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        self.0.get(path).cloned().ok_or(SourceError::Missing)
    }

    fn list(&self, _: &str) -> Result<Vec<String>, SourceError> {
        Err(SourceError::NotAFolder)
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }
}
