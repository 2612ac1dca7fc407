//! Signing in: a number and a PIN for a signed token (RFC 7519, ES256).
//!
//! The signing key is the demo's own and stands in the repository: it proves nothing anywhere else.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use axum::Json;
use axum::extract::{FromRef, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{Problem, Shared};

const PRIVATE_KEY: &[u8] = include_bytes!("../../tokens.pem");
const PUBLIC_KEYS: &str = include_str!("../../jwks.json");
const ISSUER: &str = "https://id.kestrel.example";
const AUDIENCE: &str = "kestrel-api";

/// Seconds a token is good for.
const LIFETIME: u64 = 3600;

/// Signs tokens and checks them.
pub(super) struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    key_id: Option<String>,
    validation: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    roles: Vec<String>,
    iat: u64,
    exp: u64,
}

impl Tokens {
    pub(super) fn new() -> anyhow::Result<Self> {
        let keys: jsonwebtoken::jwk::JwkSet =
            serde_json::from_str(PUBLIC_KEYS).context("the demo's key set")?;
        let key = keys.keys.first().context("the demo's key set is empty")?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        Ok(Self {
            signing: EncodingKey::from_ec_pem(PRIVATE_KEY).context("the demo's signing key")?,
            checking: DecodingKey::from_jwk(key).context("the demo's public key")?,
            key_id: key.common.key_id.clone(),
            validation,
        })
    }

    fn sign(&self, customer: u32, now: u64) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: customer.to_string(),
            roles: vec!["customer".to_owned()],
            iat: now,
            exp: now + LIFETIME,
        };
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.signing)
    }

    fn customer(&self, token: &str) -> Option<u32> {
        let checked = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation).ok()?;
        checked.claims.sub.parse().ok()
    }
}

/// The customer a token proves. Handlers that take it cannot be reached without one.
pub(super) struct SignedIn(u32);

impl SignedIn {
    /// Refuses to look at anyone else's account.
    pub(super) fn must_be(&self, id: u32) -> Result<(), Problem> {
        if self.0 == id { Ok(()) } else { Err(Problem::forbidden("This is somebody else's account")) }
    }
}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    Shared: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let shared = Shared::from_ref(state);
        let field = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = field.and_then(|field| field.strip_prefix("Bearer "));
        let customer = token.and_then(|token| shared.tokens.customer(token));
        customer.map(Self).ok_or(Problem::unauthorized("Sign in first"))
    }
}

/// What a customer signs in with.
#[derive(Deserialize)]
pub(super) struct Credentials {
    number: String,
    pin: String,
}

/// What they get for it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    customer_id: u32,
    token: String,
    expires_in: u64,
}

pub(super) async fn sign_in(
    State(shared): State<Shared>,
    Json(credentials): Json<Credentials>,
) -> Result<Json<Session>, Problem> {
    let customer_id = {
        let world = shared.world();
        let known = world.customers.iter().find(|customer| customer.number == credentials.number);
        known.filter(|customer| customer.pin == credentials.pin).map(|customer| customer.id)
    };
    let customer_id = customer_id.ok_or(Problem::unauthorized("That number and PIN do not go together"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let token = shared
        .tokens
        .sign(customer_id, now)
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "No token could be signed"))?;
    Ok(Json(Session { customer_id, token, expires_in: LIFETIME }))
}
