//! Issuers asked to change the code somebody logged in with for a token (OIDC Core §3.1.3).
//!
//! Invariants: a code is in the body of a request to the issuer and nowhere else; at most [`WAITING`] wait, of one address
//! at most [`PER_CALLER`]; what is beyond, late or cannot be read is not an answer. Deliberately absent: what a token is
//! worth, which the engine knows.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use portcullis_engine::{CodeCheck, CredentialReply};
use portcullis_model::CallerKey;
use portcullis_policy::ClientAuth;
use tracing::warn;

use crate::introspection::{encoded, send};
use crate::places::Places;
use crate::ports::ReadFile;

/// Codes that wait for an answer, at most.
const WAITING: usize = 256;

/// Those of one address.
const PER_CALLER: usize = 16;

/// See the module.
pub(crate) struct Logins(Arc<Places>);

impl Default for Logins {
    fn default() -> Self {
        Self(Places::new(WAITING, PER_CALLER))
    }
}

impl Logins {
    /// What the issuer gives for a code.
    pub(crate) async fn look(
        &self,
        caller: CallerKey,
        check: &CodeCheck,
        files: &ReadFile,
    ) -> CredentialReply {
        let Some(_place) = self.0.take(caller) else { return CredentialReply::Unavailable };
        let limit = check.plan().timeout;
        let answer = tokio::time::timeout(limit, ask(check, files)).await;
        match answer.unwrap_or_else(|_| Err(format!("no answer within {limit:?}"))) {
            Ok(reply) => reply,
            Err(why) => {
                warn!(endpoint = check.endpoint(), why, "nobody can log in");
                CredentialReply::Unavailable
            }
        }
    }
}

async fn ask(check: &CodeCheck, files: &ReadFile) -> Result<CredentialReply, String> {
    let (plan, (code, verifier, back_to)) = (check.plan(), check.parts());
    let secret = check.secret().map(|secret| String::from_utf8_lossy(secret.trim_ascii()));
    let mut form = format!(
        "grant_type=authorization_code&code={}&redirect_uri={}&code_verifier={}",
        encoded(code),
        encoded(back_to),
        encoded(verifier)
    );
    let own = match (&secret, plan.client_auth) {
        (Some(secret), ClientAuth::Basic) => {
            Some(format!("{}:{}", encoded(&plan.client_id), encoded(secret)))
        }
        (Some(secret), ClientAuth::Post) => {
            // Writing to a string cannot fail.
            let _ = write!(form, "&client_id={}&client_secret={}", encoded(&plan.client_id), encoded(secret));
            None
        }
        (None, _) => {
            // Writing to a string cannot fail.
            let _ = write!(form, "&client_id={}", encoded(&plan.client_id));
            None
        }
    };
    let (status, body) =
        send(check.endpoint(), (own.as_deref(), form), plan.fetch.ca.as_ref(), files).await?;
    given(status, &body)
}

/// What an answer gives. A code that is no good is the browser's fault, a client that is not known is ours.
fn given(status: StatusCode, body: &Bytes) -> Result<CredentialReply, String> {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    if status == StatusCode::OK {
        let answer = answer.ok_or("its answer is not JSON")?;
        return Ok(CredentialReply::Active(Arc::new(answer)));
    }
    let error = answer.as_ref().and_then(|answer| answer.get("error")).and_then(serde_json::Value::as_str);
    match error {
        Some("invalid_grant") => Ok(CredentialReply::Fails),
        _ => Err(format!("it answered {}", status.as_u16())),
    }
}
