//! Identity providers: their keys read, their algorithms pinned.

mod signatures;

use std::sync::Arc;

use jsonwebtoken::Algorithm;
use portcullis_document::{Problem, SourceFile};
use portcullis_policy::{
    ApiKey, Basic, Carrier, CertificateName as Named, Credential, DocumentRef, Introspection, Jwt, Oidc,
    SecretSource,
};
use smol_str::SmolStr;

use crate::identity::keys::KeyRing;
use crate::identity::{
    Accounts, CertificateName, ClaimRules, End, Endpoints, Introspector, JwtKeys, JwtVerifier, KeyOrigin,
    Login, Method, Passwords, Provider, Where,
};

use super::Work;
use crate::phase::login::session_cookies;

/// Every algorithm with public keys: what is accepted where policy does not say.
const PUBLIC: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

pub(super) fn compile(work: &mut Work<'_>) -> Vec<Arc<Provider>> {
    let policy = work.policy;
    let compiled = policy.providers.iter().filter_map(|provider| {
        let method = match &provider.credential {
            Credential::Jwt(jwt) => Method::Jwt(Box::new(compile_jwt(work, &provider.name, jwt)?)),
            Credential::ApiKey(api_key) => compile_api_key(work, api_key)?,
            Credential::Mtls(mtls) => Method::Mtls(match mtls.subject {
                Named::SanDns => CertificateName::Dns,
                Named::SanUri => CertificateName::Uri,
                Named::SpiffeId => CertificateName::Spiffe,
                Named::CommonName => CertificateName::Common,
                Named::Fingerprint => CertificateName::Fingerprint,
            }),
            Credential::Introspection(asked) => compile_introspection(work, asked)?,
            Credential::Basic(basic) => compile_basic(work, basic)?,
            Credential::Oidc(oidc) => compile_oidc(work, &provider.name, oidc)?,
            Credential::Signature(signature) => signatures::compile(work, signature)?,
        };
        Some(Arc::new(Provider { name: provider.name.clone(), method }))
    });
    compiled.collect()
}

fn compile_jwt(work: &mut Work<'_>, name: &str, jwt: &Jwt) -> Option<JwtVerifier> {
    let stated: Vec<Algorithm> =
        jwt.algorithms.iter().filter_map(|algorithm| algorithm.as_str().parse().ok()).collect();
    let allowed = if stated.is_empty() { PUBLIC.to_vec() } else { stated };
    let keys = match (jwt.key_set(), &jwt.key) {
        (Some(document), _) => key_set(work, name, &document, &allowed)?,
        (None, Some(source)) => static_key(work, name, source, &allowed)?,
        (None, None) => return None,
    };
    Some(JwtVerifier {
        places: vec![Where::Header("authorization".into())],
        keys,
        origin: match jwt.key_set() {
            Some(document) if document.is_remote() => KeyOrigin::Remote,
            _ => KeyOrigin::Here,
        },
        rules: ClaimRules {
            issuer: jwt.issuer.clone(),
            audiences: jwt.audience.clone(),
            subject: jwt.subject.clone(),
            groups: jwt.groups.clone(),
            required: jwt.required_claims.clone(),
            leeway: jwt.leeway,
            end: End::Stated,
        },
        typ: jwt.typ.as_deref().map(SmolStr::new),
    })
}

/// The keys of a set. One that comes over the network may have none yet, or none any more: then no token passes.
fn key_set(
    work: &mut Work<'_>,
    name: &str,
    document: &DocumentRef,
    allowed: &[Algorithm],
) -> Option<JwtKeys> {
    let read = work.sources.read(&document.path);
    let bytes =
        read.map_err(|error| work.unreadable(&document.path, &document.place, &error.to_string())).ok()?;
    let problem = match JwtKeys::from_set(&bytes, allowed) {
        Ok((keys, _)) if keys.len() > 0 => return Some(keys),
        Ok((keys, left_out)) if document.is_remote() => {
            let message =
                format!("no token of `{name}` passes: there are {left_out} keys, and none can verify it");
            work.problems.push(Problem::warning("engine.no_key", message).at(&document.place));
            return Some(keys);
        }
        Ok((_, left_out)) => {
            let message =
                format!("none of the {left_out} keys in `{}` can verify these tokens", document.path);
            Problem::error("engine.no_key", message)
        }
        Err(error) => {
            let message = format!("`{}` is not a JSON Web Key Set: {error}", document.path);
            Problem::error("engine.bad_jwks", message)
        }
    };
    work.problems.push(problem.at(&document.place));
    None
}

fn static_key(
    work: &mut Work<'_>,
    name: &str,
    source: &SecretSource,
    allowed: &[Algorithm],
) -> Option<JwtKeys> {
    let secret = source.read(work.sources).map_err(|problem| work.problems.push(problem)).ok()?;
    let keys = JwtKeys::from_static(secret.reveal(), allowed);
    if keys.is_none() {
        let message = format!("the key of `{name}` cannot verify these tokens");
        let problem = Problem::error("engine.no_key", message).at(source.place());
        work.problems.push(problem.remedy(
            "give a public key in PEM that fits `algorithms`, or a shared secret and `algorithms: [HS256]`",
        ));
    }
    keys
}

fn compile_api_key(work: &mut Work<'_>, api_key: &ApiKey) -> Option<Method> {
    let text = work.text(&api_key.keys)?;
    let file = SourceFile::new(api_key.keys.path.as_str(), text);
    let ring = KeyRing::parse(&file).map_err(|problems| work.problems.extend(problems)).ok()?;
    Some(Method::ApiKey { places: vec![carrier(&api_key.carrier)], ring })
}

fn compile_introspection(work: &mut Work<'_>, asked: &Arc<Introspection>) -> Option<Method> {
    let secret = asked.client_secret.read(work.sources);
    let secret = secret.map_err(|problem| work.problems.push(problem)).ok()?;
    let rules = ClaimRules {
        issuer: asked.issuer.clone(),
        audiences: asked.audience.clone(),
        subject: asked.subject.clone(),
        groups: asked.groups.clone(),
        required: asked.required_claims.clone(),
        leeway: asked.leeway,
        end: End::Asked,
    };
    let place = Where::Header("authorization".into());
    let introspector = Introspector { place, plan: Arc::clone(asked), secret: Arc::new(secret), rules };
    Some(Method::Introspection(Box::new(introspector)))
}

fn compile_basic(work: &mut Work<'_>, basic: &Basic) -> Option<Method> {
    let text = work.text(&basic.users)?;
    let file = SourceFile::new(basic.users.path.as_str(), text);
    let accounts = Accounts::parse(&file).map_err(|problems| work.problems.extend(problems)).ok()?;
    let (realm, remember) = (basic.realm.clone(), basic.remember);
    Some(Method::Basic(Box::new(Passwords { accounts, realm, remember })))
}

fn compile_oidc(work: &mut Work<'_>, name: &str, oidc: &Arc<Oidc>) -> Option<Method> {
    let secret = oidc.client_secret.as_ref().map(|source| source.read(work.sources)).transpose();
    let secret = secret.map_err(|problem| work.problems.push(problem)).ok()?;
    let document = oidc.configuration();
    let keys = key_set(work, name, &document, &PUBLIC)?;
    let bytes = work.sources.read(&document.path).ok()?;
    // Nobody is sent to where anybody on the way can listen, if the issuer itself is not there.
    let is_safe = |url: &str| url.starts_with("https://") || !oidc.issuer.starts_with("https://");
    let endpoints: Option<Endpoints> = serde_json::from_slice(&bytes).ok();
    let endpoints = endpoints.filter(|found| {
        [Some(&found.authorise), Some(&found.token), found.end.as_ref()]
            .into_iter()
            .flatten()
            .all(|url| is_safe(url))
    });
    if endpoints.is_none() && keys.len() > 0 {
        let message = format!("nobody can log in with `{name}`: its issuer does not say where");
        work.problems.push(Problem::warning("engine.no_endpoints", message).at(&document.place));
    }
    let rules = ClaimRules {
        issuer: Some(oidc.issuer.clone()),
        audiences: vec![oidc.client_id.clone()],
        subject: oidc.subject.clone(),
        groups: oidc.groups.clone(),
        required: oidc.required_claims.clone(),
        leeway: oidc.leeway,
        end: End::Stated,
    };
    let names = session_cookies(name);
    let verifier = JwtVerifier { places: Vec::new(), keys, origin: KeyOrigin::Remote, rules, typ: None };
    Some(Method::Oidc(Box::new(Login {
        plan: Arc::clone(oidc),
        secret: secret.map(Arc::new),
        verifier,
        endpoints,
        places: names.clone().map(Where::Cookie),
        names,
    })))
}

fn carrier(carrier: &Carrier) -> Where {
    match carrier {
        Carrier::Header(name) => Where::Header(SmolStr::new(name.as_str())),
        Carrier::Query(name) => Where::Query(name.clone()),
        Carrier::Cookie(name) => Where::Cookie(name.clone()),
    }
}
