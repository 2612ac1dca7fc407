//! JSON Web Tokens (RFC 7519, 7515), verified against static keys or a JWK set (RFC 7517).
//!
//! Invariants: a key verifies only the algorithms it was pinned to when the policy was compiled, whatever a
//! token's header says, so `none` and confusion of public keys with shared secrets find no key; a token with a
//! critical extension is refused, because we know none; the claims are read from the very bytes that were
//! signed. The clock is the exchange's, not the library's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use portcullis_model::{Proof, Timestamp};
use serde_json::Value;
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::claims::ClaimRules;
use super::{Identity, Where};

/// Tokens longer than this are not looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// Why a token fails whose issuer may have a key by now that is not here yet.
pub(crate) const STRANGE_KEY: &str = "the token's key is not among those of its issuer";

/// Where a provider's keys are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// Policy or a file it names.
    Here,
    /// The issuer, who changes them when it likes.
    Remote,
}

/// What a provider checks a token against.
pub(crate) struct JwtVerifier {
    pub(crate) places: Vec<Where>,
    pub(crate) keys: JwtKeys,
    pub(crate) origin: KeyOrigin,
    /// What the claims must say.
    pub(crate) rules: ClaimRules,
    /// The media type the header must state, `application/` left out.
    pub(crate) typ: Option<SmolStr>,
}

/// Keys with the algorithms each may verify.
#[derive(Default)]
pub(crate) struct JwtKeys(Vec<JwtKey>);

struct JwtKey {
    id: Option<String>,
    algorithms: SmallVec<[Algorithm; 3]>,
    key: DecodingKey,
}

impl std::fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JwtVerifier({:?}, {} keys)", self.rules.issuer, self.keys.0.len())
    }
}

impl JwtKeys {
    /// The keys of a JWK set that can verify one of `allowed`; the others are left out and counted.
    pub(crate) fn from_set(bytes: &[u8], allowed: &[Algorithm]) -> Result<(Self, usize), serde_json::Error> {
        let set: JwkSet = serde_json::from_slice(bytes)?;
        let all = set.keys.len();
        let keys: Vec<JwtKey> = set.keys.iter().filter_map(|jwk| JwtKey::from_jwk(jwk, allowed)).collect();
        let left_out = all - keys.len();
        Ok((Self(keys), left_out))
    }

    /// One shared secret (HMAC), or one public key in PEM.
    pub(crate) fn from_static(bytes: &[u8], allowed: &[Algorithm]) -> Option<Self> {
        let pem = bytes.starts_with(b"-----BEGIN");
        let candidates = if pem {
            [
                DecodingKey::from_rsa_pem(bytes).ok(),
                DecodingKey::from_ec_pem(bytes).ok(),
                DecodingKey::from_ed_pem(bytes).ok(),
            ]
        } else {
            [Some(DecodingKey::from_secret(bytes)), None, None]
        };
        let key = candidates.into_iter().flatten().next()?;
        let algorithms = pinned(key.family(), curve(&key).as_ref(), allowed);
        let usable = !algorithms.is_empty() && (pem || !bytes.is_empty());
        usable.then(|| Self(vec![JwtKey { id: None, algorithms, key }]))
    }

    /// Whether one of them made this signature, in base64url, by that algorithm.
    pub(super) fn verify(&self, message: &[u8], signature: &str, algorithm: Algorithm) -> bool {
        self.candidates(None, algorithm).any(|key| key.made(message, signature, algorithm))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keys that may have signed: those of the token's key id, or without one all; never one that was not
    /// pinned to the algorithm.
    fn candidates<'a>(
        &'a self,
        id: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a JwtKey> {
        self.0.iter().filter(move |key| {
            let named = match (id, key.id.as_deref()) {
                (Some(id), Some(known)) => id == known,
                _ => true,
            };
            named && key.algorithms.contains(&algorithm)
        })
    }
}

impl JwtKey {
    /// Whether it made this signature, in base64url.
    fn made(&self, message: &[u8], signature: &str, algorithm: Algorithm) -> bool {
        jsonwebtoken::crypto::verify(signature, message, &self.key, algorithm).unwrap_or(false)
    }

    fn from_jwk(jwk: &Jwk, allowed: &[Algorithm]) -> Option<Self> {
        let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let key = DecodingKey::from_jwk(jwk).ok().filter(|_| signs)?;
        let curve = match &jwk.algorithm {
            AlgorithmParameters::EllipticCurve(parameters) => Some(&parameters.curve),
            _ => None,
        };
        let mut algorithms = pinned(key.family(), curve, allowed);
        if let Some(stated) = &jwk.common.key_algorithm {
            algorithms.retain(|algorithm| KeyAlgorithm::from(*algorithm) == *stated);
        }
        let empty_secret =
            matches!(&jwk.algorithm, AlgorithmParameters::OctetKey(key) if key.value.is_empty());
        let usable = !algorithms.is_empty() && !empty_secret;
        usable.then(|| Self { id: jwk.common.key_id.clone(), algorithms, key })
    }
}

/// The algorithms a key of that family may verify.
fn pinned(
    family: AlgorithmFamily,
    curve: Option<&EllipticCurve>,
    allowed: &[Algorithm],
) -> SmallVec<[Algorithm; 3]> {
    let fits = |algorithm: Algorithm| match (curve, algorithm) {
        (Some(EllipticCurve::P256), Algorithm::ES384) | (Some(EllipticCurve::P384), Algorithm::ES256) => {
            false
        }
        _ => algorithm.family() == family,
    };
    allowed.iter().copied().filter(|algorithm| fits(*algorithm)).collect()
}

/// The curve of an EC key, told by the length of its uncompressed point.
fn curve(key: &DecodingKey) -> Option<EllipticCurve> {
    match (key.family(), key.try_get_as_bytes().map(<[u8]>::len)) {
        (AlgorithmFamily::Ec, Ok(65)) => Some(EllipticCurve::P256),
        (AlgorithmFamily::Ec, Ok(97)) => Some(EllipticCurve::P384),
        _ => None,
    }
}

/// The algorithm of that name (RFC 7518 §3.1); `none` is not among them.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    name.parse().ok()
}

impl JwtVerifier {
    pub(crate) fn places(&self) -> &[Where] {
        &self.places
    }

    /// Verifies a token; the refusal is in words that hold nothing of it.
    pub(crate) fn verify(
        &self,
        provider: &SmolStr,
        token: &str,
        now: Timestamp,
    ) -> Result<Identity, &'static str> {
        let claims = self.signed_claims(token)?;
        self.rules.identity(provider, Proof::Jwt, claims, now)
    }

    /// What a token says, if one of the keys signed it.
    pub(super) fn signed_claims(&self, token: &str) -> Result<Value, &'static str> {
        if token.len() > LONGEST {
            return Err("the token is too long");
        }
        let (message, signature) = token.rsplit_once('.').ok_or("not a token")?;
        let (header, payload) =
            message.split_once('.').filter(|(_, rest)| !rest.contains('.')).ok_or("not a token")?;
        let header = decode(header).ok_or("the token's header cannot be read")?;
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err("the token needs an extension");
        }
        self.check_type(&header)?;
        let named = header.get("alg").and_then(Value::as_str).and_then(algorithm);
        let algorithm = named.ok_or("the token's algorithm is not known")?;
        let id = header.get("kid").and_then(Value::as_str);
        let mut candidates = self.keys.candidates(id, algorithm).peekable();
        if candidates.peek().is_none() {
            return Err(self.why_no_key(id, payload));
        }
        let signed = candidates.any(|key| key.made(message.as_bytes(), signature, algorithm));
        if !signed {
            return Err(super::FORGED);
        }
        decode(payload).filter(Value::is_object).ok_or("the token's claims cannot be read")
    }

    /// Nothing of the payload is proved; it only tells whether asking the issuer again could help.
    fn why_no_key(&self, id: Option<&str>, payload: &str) -> &'static str {
        let may_be_new = self.origin == KeyOrigin::Remote
            && id.is_some()
            && decode(payload).is_some_and(|claims| self.rules.check_issuer(&claims).is_ok());
        if may_be_new { STRANGE_KEY } else { "no key for the token's algorithm and key id" }
    }

    /// Whether the token is of the kind that is wanted (RFC 7515 §4.1.9: letters in any case, `application/` may
    /// be left out).
    fn check_type(&self, header: &Value) -> Result<(), &'static str> {
        let Some(wanted) = &self.typ else { return Ok(()) };
        let stated = header.get("typ").and_then(Value::as_str).map(media_type);
        let fits = stated.is_some_and(|stated| stated.eq_ignore_ascii_case(media_type(wanted)));
        if fits { Ok(()) } else { Err("the token is of another type") }
    }
}

/// A `typ` without the `application/` that may stand before it.
fn media_type(typ: &str) -> &str {
    const TREE: &str = "application/";
    typ.split_at_checked(TREE.len())
        .filter(|(tree, _)| tree.eq_ignore_ascii_case(TREE))
        .map_or(typ, |(_, name)| name)
}

fn decode(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests;
