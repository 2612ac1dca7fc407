//! Contracts that come by URL: fetched when a policy is loaded, kept on disk, asked for again while the gateway runs.
//!
//! Invariants: the data plane never waits for a fetch; a running gateway uses the kept copy at once and asks later; a copy
//! is replaced only by a document that can be read, so an outage or a broken document leaves the last good one in place.
//! Deliberately absent: references from such a document to others; it has to be whole.

mod copies;
mod fetch;
mod refresh;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use portcullis_document::{Place, Problem, SourceError};
use portcullis_policy::Policy;

use crate::load::Purpose;
use copies::Copy;
pub(crate) use refresh::Refreshing;

/// A document that policy names by its URL.
#[derive(Clone, Debug)]
pub(crate) struct RemoteDocument {
    url: String,
    place: Place,
    copies: PathBuf,
    refresh: Duration,
}

/// What came of a document when its policy was loaded.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    /// Its URL.
    pub(crate) url: String,
    /// What was done, in words: `fetched, 1204 bytes`.
    pub(crate) what: String,
}

/// The documents of a policy that came by URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remote {
    documents: BTreeMap<String, Bytes>,
    /// What was done for each.
    pub(crate) gathered: Vec<Gathered>,
}

impl Remote {
    /// A document's bytes; those of one that could not be had were said to be missing when it was asked for.
    pub(crate) fn read(&self, url: &str) -> Result<Bytes, SourceError> {
        let failed = || SourceError::Failed("it could not be fetched".to_owned());
        self.documents.get(url).cloned().ok_or_else(failed)
    }
}

/// Every document that policy names by URL, once.
pub(crate) fn documents(policy: &Policy) -> Vec<RemoteDocument> {
    let mut found: Vec<RemoteDocument> = Vec::new();
    for contract in policy.sites.iter().filter_map(|site| site.contract.as_ref()) {
        for named in contract.files.iter().chain(&contract.former).filter(|named| named.is_remote()) {
            if found.iter().all(|known| known.url != named.path) {
                found.push(RemoteDocument {
                    url: named.path.to_string(),
                    place: named.place.clone(),
                    copies: PathBuf::from(contract.copies.path.as_str()),
                    refresh: contract.refresh,
                });
            }
        }
    }
    found
}

/// Gets every document of a policy. To serve, a kept copy is good enough, for it is asked for again soon after; to look,
/// each is asked for, and nothing is kept.
pub(crate) fn gather(policy: &Policy, purpose: Purpose, problems: &mut Vec<Problem>) -> Remote {
    let mut remote = Remote::default();
    for document in documents(policy) {
        let kept = Copy::read(&document);
        let (bytes, what) = match (kept, purpose) {
            (Some(kept), Purpose::Serve) => (Some(kept.bytes), "the kept copy is used".to_owned()),
            (kept, _) => ask(&document, kept, purpose, problems),
        };
        remote.gathered.push(Gathered { url: document.url.clone(), what });
        remote.documents.extend(bytes.map(|bytes| (document.url.clone(), bytes)));
    }
    remote
}

fn ask(
    document: &RemoteDocument,
    kept: Option<Copy>,
    purpose: Purpose,
    problems: &mut Vec<Problem>,
) -> (Option<Bytes>, String) {
    match fetch::now(&document.url, None) {
        Ok(fetch::Answer::Document(fresh)) => {
            let what = format!("fetched, {} bytes", fresh.bytes.len());
            if purpose == Purpose::Serve
                && let Err(why) = fresh.keep(document)
            {
                problems.push(cannot_keep(document, &why));
            }
            (Some(fresh.bytes), what)
        }
        Ok(fetch::Answer::Unchanged) => (kept.map(|kept| kept.bytes), "it has not changed".to_owned()),
        Err(why) => {
            let unreachable = format!("`{}` could not be fetched: {why}", document.url);
            let Some(kept) = kept else {
                let problem = Problem::error("app.no_document", unreachable).at(&document.place);
                problems
                    .push(problem.remedy("there is no copy from before; save it to a file and name that"));
                return (None, format!("not fetched: {why}"));
            };
            let problem = Problem::warning("app.kept_document", unreachable).at(&document.place);
            problems.push(problem.label("the copy from before is used"));
            (Some(kept.bytes), format!("not fetched ({why}): the kept copy is used"))
        }
    }
}

fn cannot_keep(document: &RemoteDocument, why: &std::io::Error) -> Problem {
    let message =
        format!("no copy of `{}` can be kept in {}: {why}", document.url, document.copies.display());
    Problem::warning("app.no_copy", message).at(&document.place)
}

/// Fetches one document, without keeping it: for commands that take a URL in the place of a file.
pub(crate) fn read_once(url: &str) -> Result<Bytes, SourceError> {
    match fetch::now(url, None) {
        Ok(fetch::Answer::Document(fresh)) => Ok(fresh.bytes),
        Ok(fetch::Answer::Unchanged) => Err(SourceError::Missing),
        Err(why) => Err(SourceError::Failed(why)),
    }
}

/// Whether a path names a document on the network.
pub(crate) fn is_url(path: &str) -> bool {
    path.starts_with("https://") || path.starts_with("http://")
}
