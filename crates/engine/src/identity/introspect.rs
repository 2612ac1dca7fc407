//! Tokens that mean nothing to us: their issuer is asked (RFC 7662).
//!
//! Invariants: an answer counts for as long as policy says and never beyond the token's own end; one that stands in for an
//! issuer that does not answer, for as long as policy lets it. It does not know how the issuer is asked.

use std::sync::Arc;

use portcullis_model::{Proof, Secret, Timestamp};
use portcullis_policy::Introspection;
use serde_json::Value;

use super::ask::{CredentialCheck, CredentialReply};
use super::claims::ClaimRules;
use super::{Finding, Identity, Presented, ProofKey, Proven, Provider, UNCHECKED, Where};
use crate::node_key::NodeKeys;

/// Tokens longer than this are not asked about, in bytes.
const LONGEST: usize = 4 * 1024;

/// How a provider asks, and what it wants to hear.
#[derive(Debug)]
pub(crate) struct Introspector {
    pub(crate) place: Where,
    pub(crate) plan: Arc<Introspection>,
    pub(crate) secret: Arc<Secret<Vec<u8>>>,
    pub(crate) rules: ClaimRules,
}

/// A token its issuer is to be asked about.
#[derive(Debug)]
pub struct TokenCheck {
    plan: Arc<Introspection>,
    secret: Arc<Secret<Vec<u8>>>,
    token: Secret<String>,
    key: ProofKey,
}

impl TokenCheck {
    /// Whom to ask, and how.
    pub fn plan(&self) -> &Introspection {
        &self.plan
    }

    /// What this gateway proves itself with there.
    pub fn secret(&self) -> &[u8] {
        self.secret.reveal()
    }

    /// The token.
    pub fn token(&self) -> &str {
        self.token.reveal()
    }

    /// What stands for provider and token, and tells nothing of them.
    pub fn key(&self) -> ProofKey {
        self.key
    }
}

impl Provider {
    /// The issuer is asked, unless that was done of late.
    pub(super) fn prove_opaque(
        &self,
        introspector: &Introspector,
        token: &str,
        presented: &Presented<'_>,
        node: &NodeKeys,
        now: Timestamp,
    ) -> Finding {
        if token.is_empty() || token.len() > LONGEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Finding::Fails("not a token");
        }
        let Introspector { plan, rules, .. } = introspector;
        let key = ProofKey::new(node.proof(&self.name, token));
        let proven = |more| {
            let Proven { identity, until } = presented.proofs.find(key)?;
            (now < until?.plus(more)).then_some(identity)
        };
        let again = |identity: Arc<Identity>| rules.check_again(&identity, now).map(|()| identity);
        // Whom the issuer has no good word for is nobody's to stand in for, either.
        let forget = || {
            if let Some(Proven { identity, .. }) = presented.proofs.find(key) {
                presented.proofs.keep(key, Proven { identity, until: None });
            }
        };
        match presented.replies.iter().find(|replied| replied.provider == self.name).map(|it| &it.reply) {
            Some(CredentialReply::Active(claims)) => {
                match rules.identity(&self.name, Proof::Introspection, Value::clone(claims), now) {
                    Ok(identity) => {
                        let (identity, until) = (Arc::new(identity), Some(now.plus(plan.remember)));
                        presented.proofs.keep(key, Proven { identity: Arc::clone(&identity), until });
                        Finding::Proves(identity)
                    }
                    Err(why) => {
                        forget();
                        Finding::Fails(why)
                    }
                }
            }
            Some(CredentialReply::Holds | CredentialReply::Fails) => {
                forget();
                Finding::Fails("the token is not active")
            }
            Some(CredentialReply::Unavailable) => {
                proven(plan.keep).map_or(Finding::Fails(UNCHECKED), |identity| again(identity).into())
            }
            None => proven(std::time::Duration::ZERO).map_or_else(
                || {
                    let token = Secret::new(token.to_owned());
                    let (plan, secret) = (Arc::clone(plan), Arc::clone(&introspector.secret));
                    Finding::Asks(CredentialCheck::Token(Arc::new(TokenCheck { plan, secret, token, key })))
                },
                |identity| again(identity).into(),
            ),
        }
    }
}
