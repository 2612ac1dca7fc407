//! Proving who calls.
//!
//! Invariants: an [`Identity`] exists only as made here from a credential that was verified; a credential that
//! fails proves nothing and is told apart from one that is absent. Time is an argument.

mod ask;
mod certificate;
mod claims;
mod guess;
mod introspect;
mod jwt;
pub mod keys;
mod login;
mod passwords;
mod place;
mod proofs;
mod signature;
mod statement;

use std::sync::Arc;
use std::time::Duration;

use portcullis_model::exchange::Peer;
use portcullis_model::{Credential, Proof, RequestHead, Timestamp};
use portcullis_wire::{NormalTarget, Query};
use smallvec::SmallVec;
use smol_str::SmolStr;

pub(crate) use ask::{Ask, Replied};
pub use ask::{CredentialCheck, CredentialReply};
pub(crate) use certificate::CertificateName;
pub(crate) use claims::{ClaimRules, End};
pub(crate) use introspect::Introspector;
pub use introspect::TokenCheck;
pub(crate) use jwt::STRANGE_KEY;
pub(crate) use jwt::{JwtKeys, JwtVerifier, KeyOrigin};
use keys::KeyRing;
pub use login::CodeCheck;
pub(crate) use login::{Endpoints, Login, open, seal};
pub use passwords::PasswordCheck;
pub(crate) use passwords::{Accounts, Shown};
pub(crate) use place::Where;
pub use proofs::{NoProofs, ProofKey, Proofs, Proven};
pub(crate) use signature::{Signatures, Signed, SigningKey};
pub(crate) use statement::Statement;

use crate::node_key::NodeKeys;

/// A proved identity.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The provider's name in policy.
    pub(crate) provider: SmolStr,
    pub(crate) subject: SmolStr,
    pub(crate) proof: Proof,
    /// The id of its token or key, or its certificate's SHA-256: what it can be taken back by.
    pub(crate) credential: Option<SmolStr>,
    pub(crate) groups: Vec<SmolStr>,
    /// OAuth 2 scopes, where a token carries them or a key was made with them.
    pub(crate) scopes: Vec<SmolStr>,
    /// A token's claims.
    pub(crate) claims: Option<Box<serde_json::Value>>,
}

/// Why a credential that was taken back proves nothing.
const REVOKED: &str = "it was revoked";

/// Why a name and a password prove nothing, whichever of them is wrong.
const WRONG: &str = "wrong name or password";

/// Why a token proves nothing that its issuer did not sign.
const FORGED: &str = "the token's signature is not valid";

/// Why a credential proves nothing that nobody could look at.
const UNCHECKED: &str = "it could not be checked";

/// A credential that was shown and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The provider it was shown to.
    pub(crate) provider: SmolStr,
    /// Why, in words that hold nothing of it.
    pub(crate) why: &'static str,
}

/// What a request's credentials come to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The first that was proved, in the order of the providers.
    pub(crate) identity: Option<Arc<Identity>>,
    /// What the other credentials of the request proved.
    pub(crate) others: Vec<Arc<Identity>>,
    /// The first credential that proves nothing to anybody.
    pub(crate) failed: Option<Failed>,
    /// Providers whose issuer may have a key by now that would prove a credential that failed.
    pub(crate) strange_keys: SmallVec<[SmolStr; 1]>,
    /// What is still to be seen of signatures that are valid.
    pub(crate) signed: Vec<Signed>,
    /// What the host is asked before the outcome stands.
    pub(crate) ask: Option<Ask>,
}

/// Everything a credential can be in.
pub(crate) struct Presented<'a> {
    /// The request's head as it was received.
    pub(crate) head: &'a RequestHead,
    /// Whether a body follows it.
    pub(crate) has_body: bool,
    pub(crate) query: Query<'a>,
    pub(crate) peer: &'a Peer,
    /// Tokens that were verified before.
    pub(crate) proofs: &'a dyn Proofs,
    /// What the host was asked before, and said.
    pub(crate) replies: &'a [Replied],
    /// The site's name.
    pub(crate) site: &'a str,
}

/// One way a caller can prove who it is.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: SmolStr,
    pub(crate) method: Method,
}

/// How a provider proves.
#[derive(Debug)]
pub(crate) enum Method {
    Jwt(Box<JwtVerifier>),
    Introspection(Box<Introspector>),
    ApiKey { places: Vec<Where>, ring: KeyRing },
    Mtls(CertificateName),
    Basic(Box<Passwords>),
    Oidc(Box<Login>),
    Signature(Box<Signatures>),
}

/// Names and passwords, and how long a proved one is remembered.
#[derive(Debug)]
pub(crate) struct Passwords {
    pub(crate) accounts: Accounts,
    pub(crate) realm: SmolStr,
    pub(crate) remember: Duration,
}

/// What became of what was shown to a provider.
enum Finding {
    Proves(Arc<Identity>),
    /// The same, if the rest of what was signed turns out as it should.
    Signed(Arc<Identity>, Signed),
    Fails(&'static str),
    /// Only the host can tell.
    Asks(CredentialCheck),
}

impl From<Result<Arc<Identity>, &'static str>> for Finding {
    fn from(result: Result<Arc<Identity>, &'static str>) -> Self {
        result.map_or_else(Self::Fails, Self::Proves)
    }
}

/// Tries the providers in order. Several may look at the same credential: where one of them proves it, it did not fail.
pub(crate) fn authenticate(
    providers: &[Arc<Provider>],
    presented: &Presented<'_>,
    node: &NodeKeys,
    now: Timestamp,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut proved: SmallVec<[Option<&Where>; 2]> = SmallVec::new();
    let mut failures: SmallVec<[(Option<&Where>, Failed); 2]> = SmallVec::new();
    let mut asks: SmallVec<[(Option<&Where>, Ask); 1]> = SmallVec::new();
    for provider in providers {
        let place = provider.place(presented);
        match provider.prove(presented, node, now) {
            Some(Finding::Proves(identity)) => {
                proved.push(place);
                outcome.add(identity);
            }
            Some(Finding::Signed(identity, signed)) => {
                proved.push(place);
                outcome.signed.push(signed);
                outcome.add(identity);
            }
            Some(Finding::Fails(why)) => {
                failures.push((place, Failed { provider: provider.name.clone(), why }));
            }
            Some(Finding::Asks(check)) => asks.push((place, Ask { provider: provider.name.clone(), check })),
            None => {}
        }
    }
    outcome.ask = asks.into_iter().find(|(place, _)| !proved.contains(place)).map(|(_, ask)| ask);
    failures.retain(|(place, _)| !proved.contains(place));
    let strange = failures.iter().filter(|(_, failed)| failed.why == STRANGE_KEY);
    outcome.strange_keys = strange.map(|(_, failed)| failed.provider.clone()).collect();
    outcome.failed = failures.into_iter().next().map(|(_, failed)| failed);
    outcome
}

impl Failed {
    /// Whether nobody looked at it, which is not its fault.
    pub(crate) fn is_unchecked(&self) -> bool {
        self.why == UNCHECKED
    }

    /// Whether it was good until it was taken back.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.why == REVOKED
    }
}

impl Outcome {
    fn add(&mut self, identity: Arc<Identity>) {
        match self.identity {
            None => self.identity = Some(identity),
            Some(_) => self.others.push(identity),
        }
    }

    /// Holds every identity whose credential was taken back for a credential that fails.
    pub(crate) fn withdraw(&mut self, is_revoked: impl Fn(&Credential) -> bool) {
        let proved = self.identity.take().into_iter();
        for identity in proved.chain(std::mem::take(&mut self.others)) {
            if identity.credentials().any(|credential| is_revoked(&credential)) {
                self.failed = Some(Failed { provider: identity.provider.clone(), why: REVOKED });
            } else if self.identity.is_none() {
                self.identity = Some(identity);
            } else {
                self.others.push(identity);
            }
        }
    }
}

impl Identity {
    /// What it could be taken back by.
    fn credentials(&self) -> impl Iterator<Item = Credential> {
        let name =
            portcullis_model::Identity { provider: self.provider.clone(), subject: self.subject.clone() };
        let own = self.credential.clone().and_then(|id| match self.proof {
            Proof::Jwt | Proof::Introspection | Proof::Oidc => Some(Credential::Token(id)),
            Proof::ApiKey | Proof::Signature => Some(Credential::Key(id)),
            Proof::Mtls => Some(Credential::Certificate(id)),
            Proof::Basic => None,
        });
        std::iter::once(Credential::Subject(name)).chain(own)
    }
}

impl Provider {
    /// Where its credential stands in this request; none for a client certificate, which is the connection's.
    fn place(&self, presented: &Presented<'_>) -> Option<&Where> {
        let places = match &self.method {
            Method::Jwt(verifier) => verifier.places(),
            Method::Introspection(introspector) => std::slice::from_ref(&introspector.place),
            Method::ApiKey { places, .. } => places,
            Method::Mtls(_) => &[],
            Method::Basic(_) => &[Where::Basic],
            Method::Oidc(login) => std::slice::from_ref(login.cookie(presented.peer.tls.is_some()).0),
            Method::Signature(_) => &[Where::Signature],
        };
        places.iter().find(|place| place.find(presented).is_some())
    }

    /// `None` where nothing was presented to it.
    fn prove(&self, presented: &Presented<'_>, node: &NodeKeys, now: Timestamp) -> Option<Finding> {
        match &self.method {
            Method::Jwt(verifier) => {
                let token = verifier.places().iter().find_map(|place| place.find(presented))?;
                Some(self.prove_token(verifier, &token, presented.proofs, node, now).into())
            }
            Method::Introspection(introspector) => {
                let token = introspector.place.find(presented)?;
                Some(self.prove_opaque(introspector, &token, presented, node, now))
            }
            Method::ApiKey { places, ring } => {
                let text = places.iter().find_map(|place| place.find(presented))?;
                let found = ring.find(node, &text, now).map_err(keys::KeyRefusal::as_str).map(|key| {
                    let identity = self.identity(Proof::ApiKey, key.subject.clone(), key.groups.clone());
                    let (credential, scopes) = (Some(key.id.clone()), key.scopes.clone());
                    Arc::new(Identity { credential, scopes, ..identity })
                });
                Some(found.into())
            }
            Method::Mtls(name) => {
                let certificate = presented.peer.tls.as_ref()?.client_certificate.as_ref()?;
                let subject = name.of(certificate).ok_or("the certificate has no such name");
                let found = subject.map(|subject| {
                    let identity = self.identity(Proof::Mtls, subject, Vec::new());
                    Arc::new(Identity { credential: Some(certificate.fingerprint.clone()), ..identity })
                });
                Some(found.into())
            }
            Method::Basic(passwords) => {
                let text = Where::Basic.find(presented)?;
                Some(self.prove_password(passwords, &text, presented, node, now))
            }
            Method::Oidc(login) => self.prove_session(login, presented, node, now),
            Method::Signature(signatures) => signatures.prove(&self.name, presented, node, now),
        }
    }

    /// A token is verified once; whether its time has come or gone is asked each time.
    fn prove_token(
        &self,
        verifier: &JwtVerifier,
        token: &str,
        proofs: &dyn Proofs,
        node: &NodeKeys,
        now: Timestamp,
    ) -> Result<Arc<Identity>, &'static str> {
        let key = ProofKey::new(node.proof(&self.name, token));
        if let Some(Proven { identity, .. }) = proofs.find(key) {
            return verifier.rules.check_again(&identity, now).map(|()| identity);
        }
        let identity = Arc::new(verifier.verify(&self.name, token, now)?);
        proofs.keep(key, Proven::of(&identity));
        Ok(identity)
    }

    /// A password is asked of the host, unless that was done of late.
    fn prove_password(
        &self,
        passwords: &Passwords,
        text: &str,
        presented: &Presented<'_>,
        node: &NodeKeys,
        now: Timestamp,
    ) -> Finding {
        let Some(shown) = Shown::parse(text) else { return Finding::Fails("no name and password") };
        let key = ProofKey::new(node.proof(&self.name, text));
        let reply = presented.replies.iter().find(|replied| replied.provider == self.name);
        if reply.is_none()
            && let Some(Proven { identity, until }) = presented.proofs.find(key)
            && until.is_some_and(|until| now < until)
        {
            return Finding::Proves(identity);
        }
        match reply.map(|replied| &replied.reply) {
            Some(CredentialReply::Holds) => {
                let identity = Arc::new(self.identity(Proof::Basic, shown.name, Vec::new()));
                let until = Some(now.plus(passwords.remember));
                presented.proofs.keep(key, Proven { identity: Arc::clone(&identity), until });
                Finding::Proves(identity)
            }
            Some(CredentialReply::Fails | CredentialReply::Active(_)) => Finding::Fails(WRONG),
            Some(CredentialReply::Unavailable) => Finding::Fails(UNCHECKED),
            None => match passwords.accounts.check(node, shown) {
                Some(check) => Finding::Asks(CredentialCheck::Password(Arc::new(check))),
                None => Finding::Fails(WRONG),
            },
        }
    }

    /// The query parameter that carries its key, if one does.
    fn carrier(&self) -> Option<&str> {
        let Method::ApiKey { places, .. } = &self.method else { return None };
        places.iter().find_map(|place| match place {
            Where::Query(name) => Some(name.as_str()),
            Where::Header(_) | Where::Cookie(_) | Where::Basic | Where::Signature => None,
        })
    }

    fn identity(&self, proof: Proof, subject: SmolStr, groups: Vec<SmolStr>) -> Identity {
        let provider = self.name.clone();
        Identity { provider, subject, proof, credential: None, groups, scopes: Vec::new(), claims: None }
    }
}

/// Path and query without the parameters that carry keys; none where there are no such parameters.
pub(crate) fn strip_keys(providers: &[Arc<Provider>], target: &NormalTarget) -> Option<String> {
    let carriers: SmallVec<[&str; 2]> = providers.iter().filter_map(|provider| provider.carrier()).collect();
    let carried =
        |pair: &str| Query::new(pair).pairs().next().is_some_and(|(name, _)| carriers.contains(&&*name));
    let query = target.query();
    if carriers.is_empty() || !query.raw().split('&').any(carried) {
        return None;
    }
    let kept: Vec<&str> = query.raw().split('&').filter(|pair| !carried(pair)).collect();
    let separator = if kept.is_empty() { "" } else { "?" };
    Some(format!("{}{separator}{}", target.path(), kept.join("&")))
}
