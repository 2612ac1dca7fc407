//! What the claims of a token must say, and whom they name (RFC 7519 §4.1, RFC 7662 §2.2).
//!
//! Invariant: claims get here from whoever can vouch for them: a signature, or the issuer's answer. Time is an argument.

use std::time::Duration;

use portcullis_model::{Proof, Timestamp};
use serde_json::Value;
use smol_str::SmolStr;

use super::Identity;

/// Groups and scopes kept of one token.
const MOST_GROUPS: usize = 256;

/// What a provider wants of claims.
#[derive(Debug)]
pub(crate) struct ClaimRules {
    pub(crate) issuer: Option<SmolStr>,
    pub(crate) audiences: Vec<SmolStr>,
    /// The claim that names the subject, dots between the names of nested ones.
    pub(crate) subject: SmolStr,
    /// The claim that lists groups.
    pub(crate) groups: Option<SmolStr>,
    /// Claims that must be there and not null, named as `subject` is.
    pub(crate) required: Vec<SmolStr>,
    /// How far clocks may be apart.
    pub(crate) leeway: Duration,
    pub(crate) end: End,
}

/// Whether claims must say when they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// They must: nobody else will.
    Stated,
    /// The issuer says so when it is asked.
    Asked,
}

impl ClaimRules {
    /// Whom claims name, if they are as they must be.
    pub(crate) fn identity(
        &self,
        provider: &SmolStr,
        proof: Proof,
        claims: Value,
        now: Timestamp,
    ) -> Result<Identity, &'static str> {
        self.check_times(&claims, now)?;
        self.check_parties(&claims)?;
        if self.required.iter().any(|name| find(&claims, name).is_none_or(Value::is_null)) {
            return Err("the token lacks a required claim");
        }
        let subject = find(&claims, &self.subject).and_then(Value::as_str).unwrap_or_default();
        if subject.is_empty() {
            return Err("the token names no subject");
        }
        let groups = self.groups.as_ref().and_then(|name| find(&claims, name)).map_or_else(Vec::new, words);
        let scopes = ["scope", "scp"].iter().find_map(|name| claims.get(name)).map_or_else(Vec::new, words);
        Ok(Identity {
            provider: provider.clone(),
            subject: SmolStr::new(subject),
            proof,
            credential: claims.get("jti").and_then(Value::as_str).map(SmolStr::new),
            groups,
            scopes,
            claims: Some(Box::new(claims)),
        })
    }

    /// Holds claims against the clock, once more where they were held against it before.
    pub(crate) fn check_again(&self, identity: &Identity, now: Timestamp) -> Result<(), &'static str> {
        identity.claims.as_deref().map_or(Ok(()), |claims| self.check_times(claims, now))
    }

    /// `exp` must be ahead; `nbf` must not be (RFC 7519 §4.1.4, §4.1.5).
    fn check_times(&self, claims: &Value, now: Timestamp) -> Result<(), &'static str> {
        let now = now.as_secs() as f64;
        let leeway = self.leeway.as_secs_f64();
        match claims.get("exp") {
            Some(expires) if expires.as_f64().ok_or("the token's times cannot be read")? + leeway <= now => {
                return Err("the token is expired");
            }
            None if self.end == End::Stated => return Err("the token has no end"),
            _ => {}
        }
        if let Some(begins) = claims.get("nbf")
            && begins.as_f64().ok_or("the token's times cannot be read")? - leeway > now
        {
            return Err("the token is not valid yet");
        }
        Ok(())
    }

    pub(crate) fn check_issuer(&self, claims: &Value) -> Result<(), &'static str> {
        match &self.issuer {
            Some(issuer) if claims.get("iss").and_then(Value::as_str) != Some(issuer) => {
                Err("the token is of another issuer")
            }
            _ => Ok(()),
        }
    }

    fn check_parties(&self, claims: &Value) -> Result<(), &'static str> {
        self.check_issuer(claims)?;
        if self.audiences.is_empty() {
            return Ok(());
        }
        let ours =
            |value: &Value| value.as_str().is_some_and(|text| self.audiences.iter().any(|ours| ours == text));
        match claims.get("aud") {
            Some(Value::Array(values)) if values.iter().any(ours) => Ok(()),
            Some(value) if ours(value) => Ok(()),
            _ => Err("the token is for another audience"),
        }
    }
}

/// A claim by its name, or by names with dots between them.
fn find<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| name.split('.').try_fold(claims, |value, part| value.get(part)))
}

/// A list of words, or words with spaces between them.
fn words(value: &Value) -> Vec<SmolStr> {
    match value {
        Value::Array(items) => {
            items.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(SmolStr::new).collect()
        }
        Value::String(text) => text.split_ascii_whitespace().take(MOST_GROUPS).map(SmolStr::new).collect(),
        _ => Vec::new(),
    }
}
