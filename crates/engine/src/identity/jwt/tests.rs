//! What tokens prove, and every known way in which one should not.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use std::time::Duration;

use super::*;
use crate::identity::End;

/// Made for these tests alone.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgiZlMr/ULCtgrqJ7Q
XstfHE1MP2N3lO1KvMl5QuhbqhmhRANCAAS2V2wSg6413ZiBEF4apooTLmpmzZci
+xhwOFrefXvMHcpnjxG/Dys/ENnzTUyJ6O+gX0903SRu2Qmv2zT0Gneh
-----END PRIVATE KEY-----
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtldsEoOuNd2YgRBeGqaKEy5qZs2X
IvsYcDha3n17zB3KZ48Rvw8rPxDZ801MiejvoF9PdN0kbtkJr9s09Bp3oQ==
-----END PUBLIC KEY-----
";
const SHARED: &[u8] = b"a shared secret of some length";
const NOW: i64 = 1_800_000_000;

fn verifier(keys: JwtKeys) -> JwtVerifier {
    JwtVerifier {
        places: vec![Where::Header("authorization".into())],
        keys,
        origin: KeyOrigin::Here,
        rules: ClaimRules {
            issuer: Some("https://id.example".into()),
            audiences: vec!["shop".into()],
            subject: "sub".into(),
            groups: Some("realm.roles".into()),
            required: Vec::new(),
            leeway: Duration::from_secs(30),
            end: End::Stated,
        },
        typ: None,
    }
}

fn shared() -> JwtVerifier {
    verifier(JwtKeys::from_static(SHARED, &[Algorithm::HS256]).expect("a key"))
}

fn public() -> JwtVerifier {
    verifier(JwtKeys::from_static(PUBLIC.as_bytes(), &[Algorithm::ES256, Algorithm::HS256]).expect("a key"))
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "aud": ["other", "shop"], "sub": "anna", "exp": NOW + 60,
        "realm": { "roles": ["gold", "admin"] }, "scope": "read write",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn sign(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SHARED)).expect("a token")
}

fn check(verifier: &JwtVerifier, token: &str) -> Result<Identity, &'static str> {
    verifier.verify(&"customers".into(), token, Timestamp::from_secs(NOW))
}

fn refusal(verifier: &JwtVerifier, token: &str) -> &'static str {
    check(verifier, token).expect_err("a refusal")
}

#[test]
fn a_signed_token_proves_subject_groups_and_scopes() {
    let identity = check(&shared(), &sign(&claims())).expect("an identity");
    assert_eq!((identity.provider.as_str(), identity.subject.as_str()), ("customers", "anna"));
    assert_eq!(identity.groups, ["gold", "admin"]);
    assert_eq!(identity.scopes, ["read", "write"]);
    let key = EncodingKey::from_ec_pem(PRIVATE.as_bytes()).expect("a key");
    let token = encode(&Header::new(Algorithm::ES256), &claims(), &key).expect("a token");
    assert_eq!(check(&public(), &token).expect("an identity").subject, "anna");
}

#[test]
fn a_token_must_have_the_claims_that_are_required() {
    let mut verifier = shared();
    verifier.rules.required = vec!["scope".into(), "realm.id".into()];
    let realm = |id: Value| sign(&with("realm", json!({ "id": id })));
    assert!(check(&verifier, &realm(json!("shop"))).is_ok());
    for lacking in [sign(&claims()), realm(Value::Null)] {
        assert_eq!(refusal(&verifier, &lacking), "the token lacks a required claim");
    }
}

#[test]
fn a_token_must_be_of_the_type_that_is_wanted() {
    let typed = |typ: Option<&str>| {
        let header = Header { typ: typ.map(Into::into), ..Header::new(Algorithm::HS256) };
        encode(&header, &claims(), &EncodingKey::from_secret(SHARED)).expect("a token")
    };
    let verifier = JwtVerifier { typ: Some("at+jwt".into()), ..shared() };
    for fits in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/at+JWT"] {
        assert!(check(&verifier, &typed(Some(fits))).is_ok(), "{fits}");
    }
    for other in [None, Some("JWT"), Some(""), Some("application/"), Some("text/at+jwt"), Some("at+jwtx")] {
        assert_eq!(refusal(&verifier, &typed(other)), "the token is of another type", "{other:?}");
    }
}

#[test]
fn claims_are_held_against_the_policy_and_the_time() {
    for (claims, why) in [
        (with("exp", json!(NOW - 31)), "the token is expired"),
        (with("exp", json!("soon")), "the token's times cannot be read"),
        (with("nbf", json!(NOW + 31)), "the token is not valid yet"),
        (with("iss", json!("https://evil.example")), "the token is of another issuer"),
        (with("aud", json!("other")), "the token is for another audience"),
        (with("aud", Value::Null), "the token is for another audience"),
        (with("sub", json!(7)), "the token names no subject"),
    ] {
        assert_eq!(refusal(&shared(), &sign(&claims)), why);
    }
    let mut endless = claims();
    endless.as_object_mut().expect("claims").remove("exp");
    assert_eq!(refusal(&shared(), &sign(&endless)), "the token has no end");
    assert!(check(&shared(), &sign(&with("exp", json!(NOW - 29)))).is_ok(), "clocks may be apart");
}

/// A token with that header and these claims, signed as HS256 with `key` whatever the header says.
fn forged(header: &Value, key: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(&claims()));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key), Algorithm::HS256);
    format!("{message}.{}", signature.expect("a signature"))
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let confused = forged(&json!({ "alg": "HS256" }), PUBLIC.as_bytes());
    assert_eq!(refusal(&public(), &confused), "no key for the token's algorithm and key id");
    for alg in ["none", "None", "nOnE", "HS257", ""] {
        let token = forged(&json!({ "alg": alg }), SHARED);
        assert_eq!(refusal(&shared(), &token), "the token's algorithm is not known", "{alg}");
    }
    let stronger = forged(&json!({ "alg": "HS512" }), SHARED);
    assert_eq!(refusal(&shared(), &stronger), "no key for the token's algorithm and key id");
}

#[test]
fn what_is_not_signed_as_it_says_proves_nothing() {
    let token = sign(&claims());
    let (message, signature) = token.rsplit_once('.').expect("a token");
    let (header, _) = message.split_once('.').expect("a token");
    let other = URL_SAFE_NO_PAD.encode(with("sub", json!("admin")).to_string());
    for (token, why) in [
        (format!("{header}.{other}.{signature}"), "the token's signature is not valid"),
        (format!("{message}."), "the token's signature is not valid"),
        (format!("{message}.!!"), "the token's signature is not valid"),
        (message.to_owned(), "not a token"),
        (format!("{token}.x"), "not a token"),
        (String::new(), "not a token"),
        (format!("{message}.{}", "A".repeat(LONGEST)), "the token is too long"),
        (forged(&json!({ "alg": "HS256", "crit": ["exp"] }), SHARED), "the token needs an extension"),
        (forged(&json!({ "alg": "HS256" }), b"another secret"), "the token's signature is not valid"),
    ] {
        assert_eq!(refusal(&shared(), &token), why);
    }
}

#[test]
fn a_set_gives_keys_by_id_and_leaves_out_what_cannot_verify() {
    let secret = URL_SAFE_NO_PAD.encode(SHARED);
    let set = json!({ "keys": [
        { "kty": "oct", "kid": "a", "alg": "HS256", "k": secret },
        { "kty": "oct", "kid": "b", "alg": "HS512", "k": secret },
        { "kty": "oct", "kid": "c", "use": "enc", "k": secret },
        { "kty": "oct", "kid": "d", "k": "" },
    ] });
    let (keys, left_out) = JwtKeys::from_set(set.to_string().as_bytes(), &[Algorithm::HS256]).expect("a set");
    assert_eq!((keys.len(), left_out), (1, 3));
    let verifier = verifier(keys);
    assert!(check(&verifier, &forged(&json!({ "alg": "HS256", "kid": "a" }), SHARED)).is_ok());
    assert_eq!(
        refusal(&verifier, &forged(&json!({ "alg": "HS256", "kid": "b" }), SHARED)),
        "no key for the token's algorithm and key id"
    );
}

#[test]
fn a_private_key_or_an_empty_secret_is_no_verification_key() {
    assert!(JwtKeys::from_static(b"", &[Algorithm::HS256]).is_none());
    assert!(JwtKeys::from_static(PRIVATE.as_bytes(), &[Algorithm::ES256]).is_none());
    assert!(JwtKeys::from_static(PUBLIC.as_bytes(), &[Algorithm::RS256]).is_none());
}

#[test]
fn only_a_key_that_the_issuer_may_have_made_since_is_worth_asking_for() {
    let header = |kid: Option<&str>| Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::ES256) };
    let token = |kid, issuer: &str| {
        let key = EncodingKey::from_ec_pem(PRIVATE.as_bytes()).expect("a key");
        encode(&header(kid), &json!({ "iss": issuer, "aud": "shop", "sub": "a", "exp": NOW + 60 }), &key)
            .expect("a token")
    };
    let check = |origin, kid, issuer| {
        let verifier = JwtVerifier { origin, ..verifier(JwtKeys::default()) };
        verifier.verify(&"p".into(), &token(kid, issuer), Timestamp::from_secs(NOW)).map(|_| ())
    };
    let ours = "https://id.example";
    assert_eq!(check(KeyOrigin::Remote, Some("new"), ours), Err(STRANGE_KEY));
    for (origin, kid, issuer) in [
        (KeyOrigin::Here, Some("new"), ours),
        (KeyOrigin::Remote, None, ours),
        (KeyOrigin::Remote, Some("new"), "https://elsewhere.example"),
    ] {
        let refused = Err("no key for the token's algorithm and key id");
        assert_eq!(check(origin, kid, issuer), refused, "{origin:?} {kid:?} {issuer}");
    }
}
