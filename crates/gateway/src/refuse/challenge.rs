//! What a challenged caller gets: a page whose script solves the puzzle, or a problem document.
//!
//! Invariants: the page loads nothing, from nobody; its policy lets only its own script and style run, which it names
//! by a nonce; what came from the client stands in it escaped. Deliberately absent: whether a solution is right.

use portcullis_engine::{ChallengePage, Refusal};

use super::escape;

const PAGE: &str = include_str!("challenge.html");
const SCRIPT: &str = include_str!("challenge.js");

/// The page.
pub(super) fn page(refusal: &Refusal, challenge: &ChallengePage) -> String {
    let fill = |(name, value): (&str, &str), page: String| page.replace(name, value);
    let (difficulty, wait) = (challenge.difficulty.to_string(), challenge.wait.to_string());
    let (id, back) = (refusal.id.to_string(), escape(&challenge.back));
    // What the client sent comes last, so that nothing in it is filled in.
    let fields = [
        ("{script}", SCRIPT),
        ("{nonce}", &challenge.nonce),
        ("{puzzle}", &challenge.puzzle),
        ("{solve_at}", challenge.solve_at),
        ("{difficulty}", &difficulty),
        ("{wait}", &wait),
        ("{id}", &id),
        ("{back}", &back),
    ];
    fields.into_iter().fold(PAGE.to_owned(), |page, field| fill(field, page))
}

/// What the page may do (CSP 3): send its form to this site and run what it names.
pub(super) fn policy(challenge: &ChallengePage) -> String {
    let nonce = &challenge.nonce;
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// What programs are told beside the status (RFC 9457 §3): where they can go from here.
pub(super) const PROBLEM: (&str, &str) = (
    "urn:portcullis:problem:challenge",
    "Only a browser is let in here without a credential. Call with a credential, or open the address in a browser.",
);
