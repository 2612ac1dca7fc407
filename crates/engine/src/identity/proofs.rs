//! Credentials that were verified before, as their host keeps them: a signature or a password is worth verifying once.
//!
//! Invariants: what is kept under is a keyed hash of provider and token, so that it tells nothing of the token, and is
//! found by nobody who does not have the node's secret; it is the host that forgets all of it when keys or policy change,
//! and the engine that holds every use against the clock.

use std::fmt;
use std::sync::Arc;

use portcullis_model::Timestamp;

use super::Identity;

/// What a verified token is kept under.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProofKey([u8; 32]);

impl ProofKey {
    pub(crate) fn new(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }

    /// A number that is spread evenly, for choosing where to keep it.
    pub fn spread(self) -> usize {
        usize::from(u16::from_le_bytes(self.0.first_chunk().copied().unwrap_or_default()))
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[proof key]")
    }
}

/// Whom a verified token or password proves; only the engine makes and reads one.
#[derive(Clone)]
pub struct Proven {
    pub(crate) identity: Arc<Identity>,
    /// When it has to be proved again.
    pub(crate) until: Option<Timestamp>,
}

impl Proven {
    /// What holds as long as the credential itself says.
    pub(crate) fn of(identity: &Arc<Identity>) -> Self {
        Self { identity: Arc::clone(identity), until: None }
    }
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[proven identity]")
    }
}

/// Verified tokens of one policy: a bounded memory the host lends, and drops with the policy.
pub trait Proofs: fmt::Debug + Send + Sync {
    /// Whom that token was found to prove.
    fn find(&self, key: ProofKey) -> Option<Proven>;

    /// Keeps it, if there is room.
    fn keep(&self, key: ProofKey, proven: Proven);
}

/// Keeps nothing: for tests and for looking at one exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProofs;

impl Proofs for NoProofs {
    fn find(&self, _: ProofKey) -> Option<Proven> {
        None
    }

    fn keep(&self, _: ProofKey, _: Proven) {}
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;
    use std::time::Duration;

    use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
    use portcullis_model::{Headers, Peer, RequestHead, Timestamp};
    use portcullis_wire::Query;
    use serde_json::json;

    use super::*;
    use crate::identity::{
        ClaimRules, End, Failed, JwtKeys, JwtVerifier, KeyOrigin, Method, Presented, Provider, Where,
        authenticate,
    };
    use crate::node_key::NodeKeys;

    const SECRET: &[u8] = b"a shared secret of some length";
    const NOW: i64 = 1_800_000_000;

    #[derive(Default)]
    struct World {
        kept: Mutex<HashMap<ProofKey, Proven>>,
    }

    impl fmt::Debug for World {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("[world]")
        }
    }

    impl Proofs for World {
        fn find(&self, key: ProofKey) -> Option<Proven> {
            self.kept.lock().expect("unpoisoned").get(&key).cloned()
        }

        fn keep(&self, key: ProofKey, proven: Proven) {
            self.kept.lock().expect("unpoisoned").insert(key, proven);
        }
    }

    fn provider(name: &str, keys: JwtKeys) -> Arc<Provider> {
        let verifier = JwtVerifier {
            places: vec![Where::Header("authorization".into())],
            keys,
            origin: KeyOrigin::Here,
            rules: ClaimRules {
                issuer: None,
                audiences: Vec::new(),
                subject: "sub".into(),
                groups: None,
                required: Vec::new(),
                leeway: Duration::ZERO,
                end: End::Stated,
            },
            typ: None,
        };
        Arc::new(Provider { name: name.into(), method: Method::Jwt(Box::new(verifier)) })
    }

    fn token(secret: &[u8]) -> String {
        let claims = json!({ "sub": "anna", "exp": NOW + 60 });
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).expect("a token")
    }

    fn check(world: &World, provider: &Arc<Provider>, token: &str, now: i64) -> Result<String, Failed> {
        let headers: Headers = [("Authorization", format!("Bearer {token}").as_str())].into_iter().collect();
        let head = RequestHead {
            method: http::Method::GET,
            target: "/".into(),
            authority: None,
            version: portcullis_model::Version::Http11,
            scheme: portcullis_model::Scheme::Http,
            headers,
        };
        let address = "203.0.113.9:4000".parse().expect("an address");
        let peer = Peer { address, listener: "l".into(), tls: None };
        let query = Query::new("");
        let presented = Presented {
            head: &head,
            has_body: false,
            query,
            peer: &peer,
            proofs: world,
            replies: &[],
            site: "s",
        };
        let node = NodeKeys::derive(b"x");
        let outcome = authenticate(&[Arc::clone(provider)], &presented, &node, Timestamp::from_secs(now));
        outcome
            .identity
            .map(|identity| identity.subject.to_string())
            .ok_or_else(|| outcome.failed.expect("why"))
    }

    #[test]
    fn a_signature_is_verified_once_and_the_times_each_time() {
        let world = World::default();
        let keys = JwtKeys::from_static(SECRET, &[Algorithm::HS256]).expect("a key");
        // The second has no key to verify anything with.
        let (first, again) = (provider("a", keys), provider("a", JwtKeys::default()));
        assert!(check(&world, &again, &token(SECRET), NOW).is_err(), "nothing is kept yet");
        assert_eq!(check(&world, &first, &token(SECRET), NOW), Ok("anna".to_owned()));
        assert_eq!(check(&world, &again, &token(SECRET), NOW + 59), Ok("anna".to_owned()));
        let late = check(&world, &again, &token(SECRET), NOW + 60).expect_err("its time is over");
        assert_eq!(late.why, "the token is expired");
        let other = provider("b", JwtKeys::default());
        assert!(
            check(&world, &other, &token(SECRET), NOW).is_err(),
            "what one provider proved, no other did"
        );
    }

    #[test]
    fn a_token_that_proves_nothing_is_not_kept() {
        let world = World::default();
        let keys = JwtKeys::from_static(SECRET, &[Algorithm::HS256]).expect("a key");
        assert!(check(&world, &provider("a", keys), &token(b"another secret of some length"), NOW).is_err());
        assert!(world.kept.lock().expect("unpoisoned").is_empty());
    }
}
