//! JSON Web Tokens as policy names them, and where their keys come from.
//!
//! Invariants: a provider has one source of keys; a shared secret stands beside no public key.

use std::time::Duration;

use portcullis_document::{Node, Problem};
use smol_str::{SmolStr, format_smolstr};

use crate::decode::{Reading, nothing_written, section, words};
use crate::scalar::{DocumentRef, FileRef, FolderRef, SecretSource, is_url};

section! {
    /// Signed JSON Web Tokens (RFC 7519), from `Authorization: Bearer`.
    pub struct Jwt as "JWT provider" {
        /// What the token's `iss` must be. A URL alone is enough: the issuer's keys are found through it (OIDC
        /// Discovery).
        issuer: Option<SmolStr>,
        /// What its `aud` must name: one of these.
        audience: Vec<SmolStr> = "[]",
        /// The claim that names the caller.
        subject: SmolStr = "sub",
        /// The claim that lists its groups; a text is split at blanks, as `scope` is.
        groups: Option<SmolStr>,
        /// The issuer's public keys: a JSON Web Key Set (RFC 7517). A file is watched and reloaded, a URL asked again as
        /// `fetch` says.
        jwks: Option<DocumentRef>,
        /// How keys are had that come over the network.
        fetch: KeyFetch = "{}",
        /// One key instead: a public key in PEM, or the shared secret of the HS algorithms.
        key: Option<SecretSource>,
        /// The algorithms that are accepted. Without it, those of the JWKS' keys or the PEM's kind; a shared secret
        /// must say.
        algorithms: Vec<Algorithm> = "[]",
        /// Claims a token must have besides, e.g. `client_id`; dots between the names of nested ones.
        required_claims: Vec<SmolStr> = "[]",
        /// What the token's header must say its `typ` is: `at+jwt` for access tokens (RFC 9068), so that an ID token
        /// of the same issuer opens nothing.
        typ: Option<SmolStr>,
        /// How far clocks may differ for `exp` and `nbf`.
        leeway: Duration = "30s",
    }
    => settle_jwt
}

fn settle_jwt(jwt: Jwt, node: &Node, reading: &mut Reading) -> Option<Jwt> {
    let wrong = |message: &str, remedy: &str| {
        Problem::error("policy.jwt_keys", message).at(&node.place).remedy(remedy)
    };
    match (nothing_written(node, "jwks"), nothing_written(node, "key")) {
        (true, false) | (false, true) => {}
        (true, true) => {
            if !jwt.issuer.as_deref().is_some_and(is_url) {
                let remedy = "add `jwks:` with the issuer's key set (a file or a URL), `key: file:PATH`, or an `issuer` that \
                              is a URL";
                return reading.refuse(wrong("nothing says which keys sign these tokens", remedy));
            }
        }
        (false, false) => {
            return reading.refuse(wrong("both `jwks` and `key` are given", "keep one of the two"));
        }
    }
    let symmetric = jwt.algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
    if symmetric > 0 && (symmetric < jwt.algorithms.len() || jwt.key.is_none()) {
        let message = "HS algorithms share one secret and cannot stand beside public keys";
        let remedy = "a token signed with a public key as if it were a secret would pass: make two providers";
        return reading.refuse(wrong(message, remedy));
    }
    if jwt.audience.is_empty() {
        let message = "nothing says whom these tokens are for";
        let remedy = "a token that the issuer made for another service passes, too: add `audience`";
        reading
            .problems
            .push(Problem::warning("policy.any_audience", message).at(&node.place).remedy(remedy));
    }
    if let Some(document) = jwt.key_set().filter(|_| jwt.jwks.is_none()) {
        document.warn_if_clear(reading);
    }
    Some(jwt)
}

impl Jwt {
    /// The document the public keys are in: as `jwks` says, else the issuer's configuration that says where they are
    /// (OIDC Discovery 1.0 §4). None where `key` is the one key.
    pub fn key_set(&self) -> Option<DocumentRef> {
        if self.jwks.is_some() || self.key.is_some() {
            return self.jwks.clone();
        }
        let issuer = self.issuer.as_deref()?.trim_end_matches('/');
        let path = format_smolstr!("{issuer}/.well-known/openid-configuration");
        Some(DocumentRef { path, place: self.place.clone() })
    }

    /// Whether [`Self::key_set`] says where the keys are, and is not them.
    pub fn is_discovered(&self) -> bool {
        self.jwks.is_none() && self.key.is_none()
    }
}

section! {
    /// How public keys are had that come over the network.
    pub struct KeyFetch as "key fetch" {
        /// How often they are asked for; sooner where the answer's `Cache-Control` says so, but not within a minute.
        refresh: Duration = "1h",
        /// How soon they may be asked for again because a token names a key that is not among them.
        unknown_key: Duration = "10s",
        /// How long keys are good that could not be confirmed since: during an outage of the issuer its tokens pass for
        /// this long, then none does.
        keep: Duration = "1d",
        /// Who signs the certificate of the server that has them, in PEM, in the place of the web's authorities.
        ca: Option<FileRef>,
        /// Where the last good copies are kept.
        copies: FolderRef = "data/keys",
    }
}

words! {
    /// A signature algorithm (RFC 7518 §3.1, RFC 8037). `none` is never one.
    pub enum Algorithm {
        /// HMAC with SHA-256.
        Hs256 = "HS256",
        /// HMAC with SHA-384.
        Hs384 = "HS384",
        /// HMAC with SHA-512.
        Hs512 = "HS512",
        /// RSA PKCS#1 with SHA-256.
        Rs256 = "RS256",
        /// RSA PKCS#1 with SHA-384.
        Rs384 = "RS384",
        /// RSA PKCS#1 with SHA-512.
        Rs512 = "RS512",
        /// RSA PSS with SHA-256.
        Ps256 = "PS256",
        /// RSA PSS with SHA-384.
        Ps384 = "PS384",
        /// RSA PSS with SHA-512.
        Ps512 = "PS512",
        /// ECDSA on P-256.
        Es256 = "ES256",
        /// ECDSA on P-384.
        Es384 = "ES384",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

impl Algorithm {
    /// Whether both sides hold the same secret.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }
}
