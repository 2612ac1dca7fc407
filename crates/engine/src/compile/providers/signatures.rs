//! The keys of those who sign requests.

use jsonwebtoken::Algorithm;
use portcullis_document::Problem;
use portcullis_policy::{Replay, Signature, SignatureAlgorithm};

use super::super::Work;
use crate::identity::{JwtKeys, Method, Signatures, SigningKey};

/// The shortest secret that requests may be signed with.
const SHORTEST: usize = 32;

pub(super) fn compile(work: &mut Work<'_>, signature: &Signature) -> Option<Method> {
    let found = work.problems.len();
    let keys = signature.keys.iter().filter_map(|key| {
        let written = &key.keys;
        let algorithm = match written.algorithm {
            SignatureAlgorithm::Ed25519 => Algorithm::EdDSA,
            SignatureAlgorithm::EcdsaP256 => Algorithm::ES256,
            SignatureAlgorithm::EcdsaP384 => Algorithm::ES384,
            SignatureAlgorithm::RsaPss => Algorithm::PS512,
            SignatureAlgorithm::RsaV15 => Algorithm::RS256,
            SignatureAlgorithm::Hmac => Algorithm::HS256,
        };
        let secret = written.key.read(work.sources).map_err(|problem| work.problems.push(problem)).ok()?;
        let is_short = algorithm == Algorithm::HS256 && secret.reveal().len() < SHORTEST;
        let Some(keys) = JwtKeys::from_static(secret.reveal(), &[algorithm]).filter(|_| !is_short) else {
            let message = format!("the key of `{}` cannot verify {}", key.id, written.algorithm.as_str());
            let remedy = if algorithm == Algorithm::HS256 {
                format!("give a secret of at least {SHORTEST} bytes")
            } else {
                "give the public key in PEM (`-----BEGIN PUBLIC KEY-----`) that fits `algorithm`".to_owned()
            };
            let problem = Problem::error("engine.signing_key", message).at(written.key.place());
            work.problems.push(problem.remedy(remedy));
            return None;
        };
        let signer = SigningKey {
            algorithm,
            name: written.algorithm.as_str(),
            keys,
            subject: written.subject.clone(),
            groups: written.groups.clone(),
            scopes: written.scopes.clone(),
        };
        Some((key.id.clone(), signer))
    });
    let keys = keys.collect();
    (work.problems.len() == found).then(|| {
        Method::Signature(Box::new(Signatures {
            keys,
            cover: signature.cover.clone(),
            max_age: signature.max_age,
            leeway: signature.leeway,
            tag: signature.tag.clone(),
            once: signature.replay == Replay::Refuse,
        }))
    })
}
