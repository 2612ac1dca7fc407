//! What an upstream is told of who calls, signed so that it can tell it from what anybody else says.
//!
//! Invariant: a statement is made of an identity that was proved, for one site, and is good for a short time. It does not
//! know which field carries it where a client says the same: whoever compiles a site sees to it that such fields are removed.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use portcullis_model::{EventId, Timestamp};
use serde::Serialize;
use smol_str::SmolStr;

use super::Identity;

/// What the header of a statement says it is, so that no other token of the same key passes for one.
const TYPE: &str = "caller+jwt";

/// Who signs.
const ISSUER: &str = "portcullis";

/// How a site's upstream is told.
#[derive(Debug)]
pub(crate) struct Statement {
    /// The field.
    pub(crate) header: SmolStr,
    pub(crate) key: EncodingKey,
    /// For how long it is good.
    pub(crate) lifetime: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    aud: &'a str,
    sub: &'a str,
    provider: &'a str,
    proof: &'static str,
    groups: &'a [SmolStr],
    scopes: &'a [SmolStr],
    iat: i64,
    exp: i64,
    jti: String,
}

impl Statement {
    /// The token for one exchange; none where it cannot be signed.
    pub(crate) fn of(&self, identity: &Identity, site: &str, id: EventId, now: Timestamp) -> Option<String> {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        let claims = Claims {
            iss: ISSUER,
            aud: site,
            sub: &identity.subject,
            provider: &identity.provider,
            proof: identity.proof.as_str(),
            groups: &identity.groups,
            scopes: &identity.scopes,
            iat: now.as_secs(),
            exp: now.plus(self.lifetime).as_secs(),
            jti: id.to_string(),
        };
        encode(&header, &claims, &self.key).ok()
    }
}
