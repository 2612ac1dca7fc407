//! What an exchange says about a site's APIs: an operation carried out, a failure, or nothing.
//!
//! Invariant: only an answered success of an API makes an operation; what anyone can provoke by guessing never does.

use portcullis_model::call::CallOutcome;
use portcullis_model::observation::{Observation, SegmentKind};
use serde::{Deserialize, Serialize};

/// Endings of files a site serves beside its APIs.
const FILES: &[&str] = &[
    ".avif", ".css", ".eot", ".gif", ".htm", ".html", ".ico", ".jpeg", ".jpg", ".js", ".map", ".mjs", ".png",
    ".svg", ".ttf", ".txt", ".wasm", ".webp", ".woff", ".woff2",
];

/// Media types of pages and of what they load.
const PAGES: &[&str] =
    &["text/html", "application/xhtml+xml", "text/css", "text/javascript", "application/javascript"];

/// What an exchange was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Traffic {
    /// An operation was carried out.
    Operation,
    /// It was not: refused, not found, failed, or sent elsewhere. Counts where the operation is known.
    Failure,
    /// `HEAD` and `OPTIONS`: asked about an operation.
    Probe,
    /// A page or a file; also what a single-page application answers to every path.
    Page,
}

/// Tells them apart.
pub(crate) fn of(observation: &Observation) -> Traffic {
    if matches!(observation.method.as_str(), "HEAD" | "OPTIONS" | "TRACE" | "CONNECT") {
        Traffic::Probe
    } else if !matches!(observation.status, 101 | 200..=299) || is_refused(observation) {
        Traffic::Failure
    } else if observation.method == "GET" && observation.operation.is_none() && is_page(observation) {
        Traffic::Page
    } else {
        Traffic::Operation
    }
}

/// gRPC answers 200 and says elsewhere what came of it.
fn is_refused(observation: &Observation) -> bool {
    observation.speaking.as_ref().is_some_and(|speaking| speaking.outcome == CallOutcome::Failed)
}

fn is_page(observation: &Observation) -> bool {
    let body = observation.response_body.as_ref().map(|body| &body.media_type);
    let media_type = observation.response_type.as_ref().or(body).map_or("", |media_type| media_type.as_str());
    if PAGES.contains(&media_type) || media_type.starts_with("font/") {
        return true;
    }
    let last = observation.segments.last().filter(|last| last.kind == SegmentKind::Word);
    let named_as_file = last.and_then(|last| last.word.as_deref()).is_some_and(|word| {
        let word = word.to_ascii_lowercase();
        FILES.iter().any(|ending| word.ends_with(ending))
    });
    // An API may hold documents whose names end like a file's; it answers them as data.
    named_as_file && !media_type.ends_with("json") && !media_type.ends_with("xml")
}
