//! People who logged in with their browsers: sessions in sealed cookies, and what a login is made of.
//!
//! Invariants: a session was sealed by this deployment for this site and provider, and nothing else opens as one; what is
//! sealed is sealed under a key of its own, made from the node secret and a number no other exchange has. Nothing is kept.
//! It does not know when a login begins, nor how an issuer is asked.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_model::{Proof, Secret, Timestamp};
use portcullis_policy::Oidc;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_str::SmolStr;

use super::{Finding, Identity, JwtVerifier, Presented, Provider, Where};
use crate::node_key::NodeKeys;

/// The longest text that is opened, in bytes; of cookies, browsers keep 4096 with their names.
pub(crate) const LONGEST: usize = 3800;

/// The number that makes a seal unlike others.
const SALT: usize = 16;

/// How far clocks of nodes may lie apart, in seconds.
const SKEW: i64 = 60;

/// How a provider lets people log in.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) plan: Arc<Oidc>,
    pub(crate) secret: Option<Arc<Secret<Vec<u8>>>>,
    /// Of ID tokens.
    pub(crate) verifier: JwtVerifier,
    /// Absent while nothing came of the issuer.
    pub(crate) endpoints: Option<Endpoints>,
    /// Where the session is: over TLS, and in clear.
    pub(crate) places: [Where; 2],
    /// The names of these cookies.
    pub(crate) names: [SmolStr; 2],
}

/// Where an issuer answers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Endpoints {
    #[serde(rename = "authorization_endpoint")]
    pub(crate) authorise: String,
    #[serde(rename = "token_endpoint")]
    pub(crate) token: String,
    #[serde(rename = "end_session_endpoint")]
    pub(crate) end: Option<String>,
}

/// Somebody who logged in, as the cookie holds it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Session {
    #[serde(rename = "s")]
    subject: SmolStr,
    #[serde(rename = "i")]
    id: SmolStr,
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<SmolStr>,
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<SmolStr>,
    #[serde(rename = "k", default, skip_serializing_if = "Value::is_null")]
    claims: Value,
    /// When it began, and when its cookie was made (seconds).
    #[serde(rename = "b")]
    began: i64,
    #[serde(rename = "t")]
    made: i64,
}

/// A code that an issuer is to change for a token.
#[derive(Debug)]
pub struct CodeCheck {
    pub(crate) plan: Arc<Oidc>,
    pub(crate) endpoint: String,
    pub(crate) secret: Option<Arc<Secret<Vec<u8>>>>,
    pub(crate) code: Secret<String>,
    pub(crate) verifier: Secret<String>,
    pub(crate) back_to: String,
}

impl CodeCheck {
    /// How to ask.
    pub fn plan(&self) -> &Oidc {
        &self.plan
    }

    /// Whom.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What this gateway proves itself with there, if it does.
    pub fn secret(&self) -> Option<&[u8]> {
        self.secret.as_ref().map(|secret| secret.reveal().as_slice())
    }

    /// The code, what proves that it was us who asked for it (RFC 7636), and where it was sent.
    pub fn parts(&self) -> (&str, &str, &str) {
        (self.code.reveal(), self.verifier.reveal(), &self.back_to)
    }
}

impl Login {
    /// Where the session of a connection is, and the name of its cookie.
    pub(crate) fn cookie(&self, tls: bool) -> (&Where, &SmolStr) {
        let ([secure, clear], [secure_name, clear_name]) = (&self.places, &self.names);
        if tls { (secure, secure_name) } else { (clear, clear_name) }
    }

    /// Whom an ID token names, if it was made for this login; besides, the issuer's name for its session.
    pub(crate) fn verify(
        &self,
        provider: &SmolStr,
        token: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<Identity, &'static str> {
        let claims = self.verifier.signed_claims(token)?;
        if claims.get("nonce").and_then(Value::as_str) != Some(nonce) {
            return Err("the ID token is of another login");
        }
        let party = claims.get("azp").and_then(Value::as_str);
        let many = claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
        if party.map_or(many, |party| party != self.plan.client_id) {
            return Err("the ID token is for another client");
        }
        let session = claims.get("sid").and_then(Value::as_str).map(SmolStr::new);
        let identity = self.verifier.rules.identity(provider, Proof::Oidc, claims, now)?;
        let credential = session.or_else(|| identity.credential.clone());
        Ok(Identity { credential, ..identity })
    }

    /// The session of an identity that was just proved; `id` names it where the issuer does not.
    pub(crate) fn session(&self, identity: &Identity, id: SmolStr, now: Timestamp) -> Session {
        let claims = identity.claims.as_deref();
        let kept = self
            .plan
            .claims
            .iter()
            .filter_map(|name| Some((name.to_string(), claims?.get(name.as_str())?.clone())));
        let kept: serde_json::Map<String, Value> = kept.collect();
        Session {
            subject: identity.subject.clone(),
            id: identity.credential.clone().unwrap_or(id),
            groups: identity.groups.clone(),
            scopes: identity.scopes.clone(),
            claims: if kept.is_empty() { Value::Null } else { Value::Object(kept) },
            began: now.as_secs(),
            made: now.as_secs(),
        }
    }

    /// The session in a cookie, if it is one and goes on.
    pub(crate) fn open(
        &self,
        provider: &str,
        site: &str,
        text: &str,
        (keys, now): (&NodeKeys, Timestamp),
    ) -> Result<Option<Session>, &'static str> {
        let session: Session =
            open(keys, [b"session", site.as_bytes(), provider.as_bytes()], text).ok_or("not a session")?;
        let now = now.as_secs();
        let within = |since: i64, most: Duration| {
            let age = now - since;
            age >= -SKEW && age < i64::try_from(most.as_secs()).unwrap_or(i64::MAX)
        };
        let terms = &self.plan.session;
        let goes_on = within(session.began, terms.lifetime) && within(session.made, terms.idle);
        Ok(goes_on.then_some(session))
    }
}

impl Session {
    /// Its cookie's value; none where no browser would keep it.
    pub(crate) fn seal(&self, provider: &str, site: &str, keys: &NodeKeys, salt: u128) -> Option<String> {
        let sealed = seal(keys, [b"session", site.as_bytes(), provider.as_bytes()], salt, self)?;
        (sealed.len() <= LONGEST).then_some(sealed)
    }

    /// The same, with a cookie made now; none where the one there is, is young: it is made anew a few times in `idle`.
    pub(crate) fn renew(&self, idle: Duration, now: Timestamp) -> Option<Self> {
        let age = now.as_secs() - self.made;
        let old = age >= i64::try_from(idle.as_secs() / 4).unwrap_or(i64::MAX);
        (old && age > 0).then(|| Self { made: now.as_secs(), ..self.clone() })
    }
}

impl Provider {
    /// A session that is over is as good as none: nobody guessed it.
    pub(super) fn prove_session(
        &self,
        login: &Login,
        presented: &Presented<'_>,
        node: &NodeKeys,
        now: Timestamp,
    ) -> Option<Finding> {
        let (place, _) = login.cookie(presented.peer.tls.is_some());
        let text = place.find(presented)?;
        match login.open(&self.name, presented.site, &text, (node, now)) {
            Ok(session) => {
                let session = session?;
                let identity = self.identity(Proof::Oidc, session.subject, session.groups);
                let claims = (!session.claims.is_null()).then(|| Box::new(session.claims));
                let (credential, scopes) = (Some(session.id), session.scopes);
                Some(Finding::Proves(Arc::new(Identity { credential, scopes, claims, ..identity })))
            }
            Err(why) => Some(Finding::Fails(why)),
        }
    }
}

/// Seals a value for one purpose, so that only this deployment can read it.
pub(crate) fn seal<const N: usize>(
    keys: &NodeKeys,
    purpose: [&[u8]; N],
    salt: u128,
    value: &impl Serialize,
) -> Option<String> {
    let salt = salt.to_le_bytes();
    let mut bytes = serde_json::to_vec(value).ok()?;
    let key = key(keys, &purpose, &salt)?;
    key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode([&salt[..], &bytes].concat()))
}

/// What was sealed for that purpose.
pub(crate) fn open<T: DeserializeOwned, const N: usize>(
    keys: &NodeKeys,
    purpose: [&[u8]; N],
    text: &str,
) -> Option<T> {
    if text.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (salt, sealed) = bytes.split_at_checked(SALT)?;
    let mut sealed = sealed.to_vec();
    let plain = key(keys, &purpose, salt)?.open_in_place(nonce(), Aad::empty(), &mut sealed).ok()?;
    serde_json::from_slice(plain).ok()
}

/// The purpose is in the key, which therefore opens nothing that was sealed for another.
fn key(keys: &NodeKeys, purpose: &[&[u8]], salt: &[u8]) -> Option<LessSafeKey> {
    let hash = keys.login(&[purpose, &[salt]].concat());
    UnboundKey::new(&AES_256_GCM, hash.as_bytes()).ok().map(LessSafeKey::new)
}

/// A key seals once, so that its nonce can be the same.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_for_its_purpose_and_deployment_alone() {
        let (ours, others) = (NodeKeys::derive(b"one"), NodeKeys::derive(b"other"));
        let purpose: [&[u8]; 2] = [b"session", b"shop"];
        let sealed = seal(&ours, purpose, 7, &"anna").expect("sealed");
        assert_eq!(open::<String, 2>(&ours, purpose, &sealed).as_deref(), Some("anna"));
        assert_eq!(open::<String, 2>(&others, purpose, &sealed), None);
        assert_eq!(open::<String, 2>(&ours, [b"session", b"blog"], &sealed), None);
        assert_eq!(open::<String, 2>(&ours, [b"sessions", b"hop"], &sealed), None);
        for place in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(open::<String, 2>(&ours, purpose, &forged), None, "{place}");
        }
        assert_ne!(sealed, seal(&ours, purpose, 8, &"anna").expect("sealed"));
    }
}
