//! Where this gateway does not answer as the suite expects, each with the reason: requests that are refused before any
//! rule can see them, and one that servers rightly read in two ways.

use portcullis_wire::Defect;

use crate::exchange::{Met, Seen};

/// Tests whose requests are refused though the suite expects rules to be asked: the defect, and why it has to be.
const REFUSED: &[(&str, Defect, &str)] = &[
    (
        "920100-4",
        Defect::HostMismatch,
        "a CONNECT whose target and Host name different hosts; nginx and Coraza refuse it too",
    ),
    (
        "920181-1",
        Defect::ContentLengthAndTransferEncoding,
        "both ways of framing a body at once is how requests are smuggled; nginx refuses it too",
    ),
    ("920280-1", Defect::MissingHost, "rules belong to a site, and a request without a host has none"),
    ("920290-4", Defect::MalformedHost, "an empty host names no site either; nginx refuses it too"),
    (
        "920430-5",
        Defect::RequestLine,
        "HTTP/0.9 has no status: the suite expects the client to fail on the answer, here it reads a proper 400",
    ),
    ("920430-8", Defect::UnknownVersion, "there is no HTTP/4.0 to speak; nginx and Coraza answer 505 too"),
];

/// Two `Content-Type` fields: Apache makes one of them, which is what the suite expects; here as in nginx both stay, and
/// the rule sees that. The rule that has to match instead.
const KEPT_APART: (&str, u32) = ("920620-1", 920_620);

/// Whether a test that does not pass is one of those, and what came of it is what is listed.
pub(crate) fn is_expected(test: &str, met: &Met) -> bool {
    match met {
        Met::Refused(defect) => REFUSED.iter().any(|(name, reason, _)| *name == test && reason == defect),
        Met::Answered(seen) => {
            test == KEPT_APART.0 && seen.matches.iter().any(|found| found.rule == KEPT_APART.1)
        }
        Met::Unanswered => false,
    }
}

/// Every test that is listed.
pub(crate) fn listed() -> impl Iterator<Item = &'static str> {
    REFUSED.iter().map(|(name, ..)| *name).chain([KEPT_APART.0])
}

/// What a client sees of a refusal.
pub(crate) fn observed(defect: Defect) -> Seen {
    Seen { status: Some(defect.status()), ..Seen::default() }
}
