//! Signed requests (HTTP message signatures, RFC 9421).
//!
//! Invariants: a key verifies the one algorithm it was pinned to, whatever a request says; a signature proves nothing
//! unless it covers what policy asks for and its time is now; a body counts as signed only once it was held against
//! a digest that is signed. What a signature that was seen before comes to is the store's to tell: see [`Signed`].

mod digest;
mod message;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hashbrown::HashMap;
use jsonwebtoken::Algorithm;
use portcullis_model::counter::{CounterKey, Op};
use portcullis_model::{Proof, Timestamp};
use sfv::{Dictionary, InnerList, ListEntry, Parser};
use smol_str::SmolStr;

use super::{Finding, Identity, JwtKeys, Presented};
use crate::node_key::NodeKeys;

pub(crate) use digest::Digest;
use message::base;

/// Bytes of the two fields that are looked at.
const LONGEST: usize = 8 * 1024;
/// Signatures of one request.
const MOST: usize = 8;

/// Why a request is not proved by a signature that its key did not make.
pub(super) const NOT_SIGNED: &str = "the signature is not valid";
const UNREADABLE: &str = "the signature's fields cannot be read";

/// What a provider holds signatures against.
#[derive(Debug)]
pub(crate) struct Signatures {
    pub(crate) keys: HashMap<SmolStr, SigningKey, foldhash::fast::RandomState>,
    /// What must be covered.
    pub(crate) cover: Vec<SmolStr>,
    pub(crate) max_age: Duration,
    pub(crate) leeway: Duration,
    pub(crate) tag: Option<SmolStr>,
    /// Whether a signature counts once.
    pub(crate) once: bool,
}

/// One signer's key.
pub(crate) struct SigningKey {
    pub(crate) algorithm: Algorithm,
    /// What RFC 9421 calls the algorithm.
    pub(crate) name: &'static str,
    pub(crate) keys: JwtKeys,
    pub(crate) subject: SmolStr,
    pub(crate) groups: Vec<SmolStr>,
    pub(crate) scopes: Vec<SmolStr>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, {})", self.name, self.subject)
    }
}

/// What is still to be seen of a signature that is valid.
#[derive(Debug)]
pub(crate) struct Signed {
    /// What its reuse is told by, and for how long, where it counts once.
    once: Option<(CounterKey, Duration)>,
    /// What the body must be.
    pub(crate) digest: Option<Digest>,
}

impl Signed {
    /// What the store is asked: whether it was seen before.
    pub(crate) fn once(&self) -> Option<Op> {
        self.once.map(|(key, window)| Op::Once { key, window })
    }
}

impl Signatures {
    /// What a request's signatures prove; none where it has none.
    pub(super) fn prove(
        &self,
        provider: &SmolStr,
        presented: &Presented<'_>,
        node: &NodeKeys,
        now: Timestamp,
    ) -> Option<Finding> {
        let headers = &presented.head.headers;
        if headers.get("signature").is_none() && headers.get("signature-input").is_none() {
            return None;
        }
        let (Some(inputs), Some(signatures)) =
            (dictionary(presented, "signature-input"), dictionary(presented, "signature"))
        else {
            return Some(Finding::Fails(UNREADABLE));
        };
        if inputs.len() > MOST {
            return Some(Finding::Fails("there are too many signatures"));
        }
        let mut why = "no signature by a key that is known";
        for (label, input) in inputs {
            let ListEntry::InnerList(input) = input else { continue };
            let Some((id, key)) = self.key_of(&input) else { continue };
            let signature = match signatures.get(&label) {
                Some(ListEntry::Item(item)) => item.bare_item.as_byte_sequence(),
                _ => None,
            };
            match signature.ok_or(UNREADABLE).and_then(|bytes| self.check(key, input, bytes, presented, now))
            {
                Ok(digest) => {
                    let identity = key.identity(provider, id);
                    let once = self.once.then(|| {
                        // It is good from a little before it was made until a little after its time.
                        let window = self.max_age + 2 * self.leeway;
                        (node.counter(&seen(provider, signature.unwrap_or_default())), window)
                    });
                    return Some(Finding::Signed(identity, Signed { once, digest }));
                }
                Err(failed) => why = failed,
            }
        }
        Some(Finding::Fails(why))
    }

    /// What a client is asked to sign (RFC 9421 §5.1).
    pub(crate) fn wanted(&self) -> String {
        let cover: Vec<String> = self.cover.iter().map(|name| format!("\"{name}\"")).collect();
        let tag = self.tag.as_ref().map(|tag| format!(";tag=\"{tag}\"")).unwrap_or_default();
        format!("sig=({});created;keyid{tag}", cover.join(" "))
    }

    /// The key that an input names, unless it is not meant for us.
    fn key_of(&self, input: &InnerList) -> Option<(&SmolStr, &SigningKey)> {
        let text = |name: &str| Some(input.params.get(name)?.as_string()?.as_str());
        if self.tag.is_some() && text("tag") != self.tag.as_deref() {
            return None;
        }
        self.keys.get_key_value(text("keyid")?)
    }

    /// Whether a signature is its key's, of this request, and good now; what the body is to be held against.
    fn check(
        &self,
        key: &SigningKey,
        input: InnerList,
        signature: &[u8],
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Result<Option<Digest>, &'static str> {
        self.check_times(&input, now)?;
        match input.params.get("alg") {
            Some(named) if named.as_string().map(sfv::StringRef::as_str) != Some(key.name) => {
                return Err("the signature names another algorithm than its key's");
            }
            _ => {}
        }
        let covered = message::names(&input);
        let base = base(presented.head, input)?;
        let text = URL_SAFE_NO_PAD.encode(signature);
        if !key.keys.verify(base.as_bytes(), &text, key.algorithm) {
            return Err(NOT_SIGNED);
        }
        let covers = |name: &SmolStr| match name.as_str() {
            "@query" if !presented.head.target.contains(&b'?') => true,
            "content-digest" if !presented.has_body => true,
            name => message::is_covered(&covered, name),
        };
        if !self.cover.iter().all(covers) {
            return Err("the signature does not cover what it must");
        }
        if !covered.iter().any(|name| name == "content-digest") {
            return Ok(None);
        }
        let digest = Digest::read(presented).ok_or("the content's digest cannot be read")?;
        if presented.has_body {
            return Ok(Some(digest));
        }
        digest.is_of(b"").then_some(None).ok_or("the content's digest is another")
    }

    fn check_times(&self, input: &InnerList, now: Timestamp) -> Result<(), &'static str> {
        let time = |name: &str| -> Result<Option<Timestamp>, &'static str> {
            let Some(value) = input.params.get(name) else { return Ok(None) };
            let seconds = value.as_integer().ok_or(UNREADABLE)?;
            Ok(Some(Timestamp::from_secs(i64::from(seconds))))
        };
        let made = time("created")?.ok_or("the signature does not say when it was made")?;
        if made > now.plus(self.leeway) {
            return Err("the signature is not made yet");
        }
        let ended = |end: Timestamp| now >= end.plus(self.leeway);
        if ended(made.plus(self.max_age)) || time("expires")?.is_some_and(ended) {
            return Err("the signature is too old");
        }
        Ok(())
    }
}

impl SigningKey {
    fn identity(&self, provider: &SmolStr, id: &SmolStr) -> Arc<Identity> {
        Arc::new(Identity {
            provider: provider.clone(),
            subject: self.subject.clone(),
            proof: Proof::Signature,
            credential: Some(id.clone()),
            groups: self.groups.clone(),
            scopes: self.scopes.clone(),
            claims: None,
        })
    }
}

/// All lines of a field, read as one dictionary (RFC 9651 §3.2).
fn dictionary(presented: &Presented<'_>, name: &str) -> Option<Dictionary> {
    let text = message::field(&presented.head.headers, name)?;
    (text.len() <= LONGEST).then(|| Parser::new(text.as_bytes()).parse().ok())?
}

/// What a signature is remembered by.
fn seen(provider: &SmolStr, signature: &[u8]) -> Vec<u8> {
    let mut bytes = b"signature\0".to_vec();
    bytes.extend_from_slice(&(provider.len() as u64).to_le_bytes());
    bytes.extend_from_slice(provider.as_bytes());
    bytes.extend_from_slice(signature);
    bytes
}

#[cfg(test)]
mod tests;
