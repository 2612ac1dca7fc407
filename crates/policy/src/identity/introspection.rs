//! Tokens that only their issuer can read, as policy names them.
//!
//! Invariant: the endpoint is a URL, and the client has a name and a secret there.

use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Reading, section};
use crate::scalar::{DocumentRef, FileRef, SecretSource};

section! {
    /// Tokens from `Authorization: Bearer` that their issuer is asked about (RFC 7662).
    pub struct Introspection as "introspection provider" {
        /// Where the issuer answers: a URL.
        endpoint: DocumentRef,
        /// The name this gateway has there.
        client_id: SmolStr,
        /// Its secret there.
        client_secret: SecretSource,
        /// What the token's `iss` must be.
        issuer: Option<SmolStr>,
        /// What its `aud` must name: one of these.
        audience: Vec<SmolStr> = "[]",
        /// What of the answer names the caller; dots between the names of nested ones.
        subject: SmolStr = "sub",
        /// What lists its groups; a text is split at blanks, as `scope` is.
        groups: Option<SmolStr>,
        /// What the answer must have besides, e.g. `client_id`.
        required_claims: Vec<SmolStr> = "[]",
        /// How far clocks may differ for `exp` and `nbf`.
        leeway: Duration = "30s",
        /// How long a token that is active is not asked about again, unless it ends before.
        remember: Duration = "1m",
        /// How long one that is not active is not asked about again.
        remember_refused: Duration = "10s",
        /// How much longer a token that was active passes while nobody answers; `0s`: none passes then, with 503.
        keep: Duration = "0s",
        /// How long an answer may take.
        timeout: Duration = "2s",
        /// Who signs the endpoint's certificate, in PEM, in the place of the web's authorities.
        ca: Option<FileRef>,
    }
    => settle_introspection
}

fn settle_introspection(
    introspection: Introspection,
    node: &Node,
    reading: &mut Reading,
) -> Option<Introspection> {
    if !introspection.endpoint.is_remote() {
        let place = node.get("endpoint").map_or(&node.place, |endpoint| &endpoint.place);
        let problem = Problem::error("policy.endpoint", "the issuer is asked at a URL").at(place);
        return reading.refuse(problem.remedy("e.g. `endpoint: https://login.example/oauth2/introspect`"));
    }
    introspection.endpoint.warn_if_clear(reading);
    if introspection.audience.is_empty() {
        let message = "nothing says whom these tokens are for";
        let problem = Problem::warning("policy.any_audience", message).at(&node.place);
        let remedy = "a token that the issuer made for another service passes, too: add `audience`";
        reading.problems.push(problem.remedy(remedy));
    }
    Some(introspection)
}
