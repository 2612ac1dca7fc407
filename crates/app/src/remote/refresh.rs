//! Asks for documents again while the gateway runs, each when its time has come, and says when one has changed.
//!
//! Invariants: a document is asked for right after it was first named, then every `refresh`; one that cannot be read is
//! not kept, and the copy from before stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portcullis_contract::Purpose;
use portcullis_document::{SourceError, Sources};
use portcullis_policy::Policy;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{info, warn};

use super::copies::Copy;
use super::{RemoteDocument, documents, fetch};

/// How often it is looked whether a document's time has come.
const TICK: Duration = Duration::from_secs(1);

/// The task that asks, stopped when this is dropped.
pub(crate) struct Refreshing {
    task: JoinHandle<()>,
    changes: mpsc::Receiver<()>,
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Refreshing {
    /// Begins with the documents of the policy in force, as `policy` says at any time.
    pub(crate) fn start(policy: impl Fn() -> Arc<Policy> + Send + 'static) -> Self {
        let (changed, changes) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut due = BTreeMap::new();
            loop {
                let named = documents(&policy());
                due.retain(|url, _| named.iter().any(|document| document.url == *url));
                for document in named {
                    let time = due.entry(document.url.clone()).or_insert_with(Instant::now);
                    if *time <= Instant::now() {
                        *time = Instant::now() + document.refresh;
                        if ask(&document).await {
                            // One that waits already says the same.
                            let _ = changed.try_send(());
                        }
                    }
                }
                tokio::time::sleep(TICK).await;
            }
        });
        Self { task, changes }
    }

    /// Returns once a document has changed.
    pub(crate) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether a document is another than before, and now kept.
async fn ask(document: &RemoteDocument) -> bool {
    let kept = Copy::read(document);
    let url = document.url.as_str();
    let fresh = match fetch::get(url, kept.as_ref().and_then(|kept| kept.etag.as_deref())).await {
        Ok(fetch::Answer::Document(fresh)) => fresh,
        Ok(fetch::Answer::Unchanged) => return false,
        Err(why) => {
            warn!(url, why, "a contract could not be fetched; its last good copy stays in force");
            return false;
        }
    };
    if kept.is_some_and(|kept| kept.bytes == fresh.bytes) {
        return false;
    }
    if let Some(why) = unreadable(url, &fresh.bytes) {
        warn!(url, why, "a contract that was fetched has mistakes; its last good copy stays in force");
        return false;
    }
    match fresh.keep(document) {
        Ok(()) => {
            info!(url, "a contract has changed");
            true
        }
        Err(error) => {
            warn!(url, %error, "a contract that was fetched could not be kept");
            false
        }
    }
}

/// Why a document is no contract by itself.
fn unreadable(url: &str, bytes: &Bytes) -> Option<String> {
    let alone = Alone { url, bytes };
    let loaded = portcullis_contract::load("fetched", &[url], Purpose::Find, &alone);
    let is_error =
        |problem: &&portcullis_document::Problem| problem.severity == portcullis_document::Severity::Error;
    loaded.problems.iter().find(is_error).map(ToString::to_string)
}

/// One document and nothing else.
struct Alone<'a> {
    url: &'a str,
    bytes: &'a Bytes,
}

impl Sources for Alone<'_> {
    fn read(&self, path: &str) -> Result<Bytes, SourceError> {
        if path == self.url { Ok(self.bytes.clone()) } else { Err(SourceError::Missing) }
    }

    fn list(&self, _: &str) -> Result<Vec<String>, SourceError> {
        Err(SourceError::NotAFolder)
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }
}
