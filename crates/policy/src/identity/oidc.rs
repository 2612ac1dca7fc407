//! Logging in with an OIDC issuer, as policy names it.
//!
//! Invariants: the issuer is a URL; a session ends, and sooner where nobody uses it.

use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::{SmolStr, format_smolstr};

use crate::decode::{Reading, section, words};
use crate::scalar::{DocumentRef, SecretSource, is_url};

use super::KeyFetch;

section! {
    /// People log in with their browsers, at an OIDC issuer: authorization code flow with PKCE.
    pub struct Oidc as "OIDC login" {
        /// The issuer's URL. Where it answers and what keys it has is found through it (OIDC Discovery).
        issuer: SmolStr,
        /// The name this gateway has there. Register `https://HOST/.portcullis/callback` with it for every host.
        client_id: SmolStr,
        /// Its secret there; without one it is a public client.
        client_secret: Option<SecretSource>,
        /// How the secret is shown.
        client_auth: ClientAuth = "basic",
        /// The scopes that are asked for; `openid` is always among them.
        scopes: Vec<SmolStr> = "[openid, profile]",
        /// The ID token's claim that names the caller.
        subject: SmolStr = "sub",
        /// The claim that lists its groups; a text is split at blanks.
        groups: Option<SmolStr>,
        /// Claims the session keeps for conditions (`identity.claims`); each makes the cookie longer.
        claims: Vec<SmolStr> = "[]",
        /// Claims an ID token must have besides; dots between the names of nested ones.
        required_claims: Vec<SmolStr> = "[]",
        /// How far clocks may differ for `exp` and `nbf`.
        leeway: Duration = "30s",
        /// How long somebody may take at the issuer.
        within: Duration = "10m",
        /// How long the issuer may take to change a code for a token.
        timeout: Duration = "5s",
        /// How long somebody who logged in is known.
        session: LoginSession = "{}",
        /// How the issuer's configuration and keys are had.
        fetch: KeyFetch = "{}",
    }
    => settle_oidc
}

section! {
    /// How long somebody who logged in is known.
    pub struct LoginSession as "login session" {
        /// At most.
        lifetime: Duration = "8h",
        /// Without a request.
        idle: Duration = "1h",
    }
}

words! {
    /// How a client shows its secret (OIDC Core §9).
    pub enum ClientAuth {
        /// In `Authorization: Basic`.
        Basic = "basic",
        /// In the form.
        Post = "post",
    }
}

fn settle_oidc(oidc: Oidc, node: &Node, reading: &mut Reading) -> Option<Oidc> {
    if !is_url(&oidc.issuer) {
        let place = node.get("issuer").map_or(&node.place, |issuer| &issuer.place);
        let problem = Problem::error("policy.issuer", "the issuer is not a URL").at(place);
        return reading.refuse(problem.remedy("e.g. `issuer: https://id.example`"));
    }
    if oidc.session.idle > oidc.session.lifetime {
        let problem = Problem::error("policy.session", "a session cannot be idle for longer than it lasts");
        return reading.refuse(problem.at(&oidc.session.place).remedy("give `idle` at most `lifetime`"));
    }
    oidc.configuration().warn_if_clear(reading);
    Some(oidc)
}

impl Oidc {
    /// The issuer's configuration (OIDC Discovery 1.0 §4).
    pub fn configuration(&self) -> DocumentRef {
        let issuer = self.issuer.trim_end_matches('/');
        let path = format_smolstr!("{issuer}/.well-known/openid-configuration");
        DocumentRef { path, place: self.place.clone() }
    }
}
