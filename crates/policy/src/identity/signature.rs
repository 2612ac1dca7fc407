//! Signed requests as policy names them.
//!
//! Invariants: a key has one algorithm, whatever a request says; what must be covered are names that can be.

use std::time::Duration;

use portcullis_document::{Node, Place, Problem};
use smol_str::SmolStr;

use crate::decode::{ByName, Decode, Reading, TakesName, section, words};
use crate::scalar::SecretSource;
use crate::table::Kind;

section! {
    /// Requests signed by HTTP message signatures (RFC 9421).
    pub struct Signature as "signature provider" {
        /// The keys of those who sign, by the `keyid` their signatures name.
        keys: SigningKeys,
        /// What a signature must cover at least: `@method`, `@authority`, `@path`, `@query`, `@scheme` and names of fields.
        /// `@query` and `content-digest` count only where there is a query or a body.
        cover: Vec<SmolStr> = "['@method', '@authority', '@path', '@query', content-digest]",
        /// How long a signature is good from when it was made.
        max_age: Duration = "5m",
        /// How far clocks may differ.
        leeway: Duration = "30s",
        /// The `tag` a signature must have; others are passed over.
        tag: Option<SmolStr>,
        /// What becomes of a signature that was seen before.
        replay: Replay = "refuse",
    }
    => settle_signature
}

/// Signing keys, by their `keyid`.
pub type SigningKeys = ByName<SigningKey>;

words! {
    /// What becomes of a signature that was seen before.
    pub enum Replay {
        /// It is refused for as long as it is good: each request is signed anew.
        Refuse = "refuse",
        /// It counts again.
        Allow = "allow",
    }
}

/// A key that requests are signed with.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Its `keyid`.
    pub id: SmolStr,
    /// What is written of it.
    pub keys: SigningKeyKeys,
}

section! {
    /// A key that requests are signed with, and whom it proves.
    pub struct SigningKeyKeys as "signing key" {
        /// The algorithm it verifies.
        algorithm: SignatureAlgorithm,
        /// The public key in PEM, or the secret both sides share (`hmac-sha256`: at least 32 bytes).
        key: SecretSource,
        /// Whom it proves.
        subject: SmolStr,
        /// The caller's groups.
        groups: Vec<SmolStr> = "[]",
        /// The caller's scopes.
        scopes: Vec<SmolStr> = "[]",
    }
}

impl Decode for SigningKey {
    const KIND: Kind = <SigningKeyKeys as Decode>::KIND;

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        Some(Self { id: SmolStr::default(), keys: SigningKeyKeys::decode(node, None, reading)? })
    }
}

impl TakesName for SigningKey {
    const WHAT: &'static str = "signing key";

    fn named(self, id: SmolStr) -> Self {
        Self { id, ..self }
    }
}

words! {
    /// A signature algorithm (RFC 9421 §3.3).
    pub enum SignatureAlgorithm {
        /// Ed25519.
        Ed25519 = "ed25519",
        /// ECDSA on P-256 with SHA-256.
        EcdsaP256 = "ecdsa-p256-sha256",
        /// ECDSA on P-384 with SHA-384.
        EcdsaP384 = "ecdsa-p384-sha384",
        /// RSA PSS with SHA-512.
        RsaPss = "rsa-pss-sha512",
        /// RSA PKCS#1 with SHA-256.
        RsaV15 = "rsa-v1_5-sha256",
        /// HMAC with SHA-256.
        Hmac = "hmac-sha256",
    }
}

/// Derived components (RFC 9421 §2.2) that requests have and a policy can ask for.
const DERIVED: [&str; 5] = ["@method", "@authority", "@path", "@query", "@scheme"];

fn settle_signature(signature: Signature, node: &Node, reading: &mut Reading) -> Option<Signature> {
    let place = |key: &str| node.get(key).map_or(&node.place, |node| &node.place);
    if signature.keys.is_empty() {
        let problem = Problem::error("policy.signing_keys", "nobody can sign: there is no key");
        return reading.refuse(problem.at(place("keys")).remedy("give each signer's key by its `keyid`"));
    }
    let field = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let known =
        |name: &&SmolStr| DERIVED.contains(&name.as_str()) || (!name.is_empty() && name.bytes().all(field));
    if let Some(strange) = signature.cover.iter().find(|name| !known(name)) {
        let message = format!("`{}` is nothing a signature can cover", strange.escape_debug());
        let remedy = format!("use {} or the name of a field in lower case", DERIVED.join(", "));
        return reading.refuse(Problem::error("policy.cover", message).at(place("cover")).remedy(remedy));
    }
    for needed in ["@method", "@path"] {
        if !signature.cover.iter().any(|name| name == needed) {
            let message = format!("a signature need not cover `{needed}`");
            let problem = Problem::warning("policy.cover_little", message).at(place("cover"));
            reading.problems.push(problem.remedy("what it does not cover, whoever sees it can change"));
        }
    }
    Some(signature)
}

impl SigningKey {
    /// Where it is written.
    pub fn place(&self) -> &Place {
        &self.keys.place
    }
}
