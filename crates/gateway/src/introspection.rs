//! Issuers asked about tokens (RFC 7662), a bounded number at once, one question for one token.
//!
//! Invariants: a token is in the body of a request to the endpoint policy names and nowhere else, what is remembered of it
//! is a keyed hash; at most [`WAITING`] wait, of one address at most [`PER_CALLER`]; what is beyond, late or cannot be read
//! is not an answer. Deliberately absent: what an answer is worth and how long, which the engine knows, save that a token
//! that was refused is not asked about again at once.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hashbrown::HashMap;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use portcullis_engine::{CredentialReply, ProofKey, TokenCheck};
use portcullis_model::CallerKey;
use portcullis_policy::FileRef;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tracing::{info, warn};

use crate::places::Places;
use crate::ports::ReadFile;
use crate::proofs::Shard;
use crate::upstream::roots;

/// Tokens that wait for an answer, at most.
const WAITING: usize = 256;

/// Those of one address.
const PER_CALLER: usize = 32;

/// The longest answer that is read.
const LARGEST: usize = 64 * 1024;

/// See the module.
pub(crate) struct Introspections {
    places: Arc<Places>,
    flights: Mutex<HashMap<ProofKey, Arc<OnceCell<CredentialReply>>>>,
    /// Until when a token that was refused is not asked about again.
    refused: Mutex<Shard<ProofKey, Instant>>,
    failing: AtomicBool,
}

/// One that waits for an answer; the last to leave forgets the question.
struct Seat<'a> {
    all: &'a Introspections,
    key: ProofKey,
    flight: Arc<OnceCell<CredentialReply>>,
}

impl Default for Introspections {
    fn default() -> Self {
        Self {
            places: Places::new(WAITING, PER_CALLER),
            flights: Mutex::default(),
            refused: Mutex::default(),
            failing: AtomicBool::new(false),
        }
    }
}

impl Introspections {
    /// What the issuer says of a token.
    pub(crate) async fn look(
        &self,
        caller: CallerKey,
        check: &TokenCheck,
        files: &ReadFile,
    ) -> CredentialReply {
        let known = self.refused.lock().find(check.key());
        if known.is_some_and(|until| Instant::now() < until) {
            return CredentialReply::Fails;
        }
        let Some(_place) = self.places.take(caller) else { return CredentialReply::Unavailable };
        let seat = self.sit(check.key());
        seat.flight.get_or_init(|| self.ask(check, files)).await.clone()
    }

    fn sit(&self, key: ProofKey) -> Seat<'_> {
        let flight = Arc::clone(self.flights.lock().entry(key).or_default());
        Seat { all: self, key, flight }
    }

    async fn ask(&self, check: &TokenCheck, files: &ReadFile) -> CredentialReply {
        let plan = check.plan();
        let asked = tokio::time::timeout(plan.timeout, fetch(check, files)).await;
        let late = || format!("no answer within {:?}", plan.timeout);
        match asked.unwrap_or_else(|_| Err(late())).and_then(|body| active(&body)) {
            Ok(claims) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    info!(endpoint = %plan.endpoint.path, "tokens are introspected again");
                }
                claims.map_or_else(|| self.refuse(check), |claims| CredentialReply::Active(Arc::new(claims)))
            }
            Err(why) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    warn!(endpoint = %plan.endpoint.path, why, "tokens cannot be introspected");
                }
                CredentialReply::Unavailable
            }
        }
    }

    fn refuse(&self, check: &TokenCheck) -> CredentialReply {
        let until = Instant::now() + check.plan().remember_refused;
        self.refused.lock().keep(check.key(), until);
        CredentialReply::Fails
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.all.flights.lock();
        // One is the list's, one is this; what was answered is asked anew by whoever comes next.
        if self.flight.initialized() || Arc::strong_count(&self.flight) <= 2 {
            flights.remove(&self.key);
        }
    }
}

/// The claims of a token that is active (RFC 7662 §2.2); none of one that is not.
fn active(body: &[u8]) -> Result<Option<Value>, String> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|error| format!("its answer is not JSON: {error}"))?;
    match answer.get("active").and_then(Value::as_bool) {
        Some(true) => Ok(Some(answer)),
        Some(false) => Ok(None),
        None => Err("its answer does not say whether the token is active".to_owned()),
    }
}

async fn fetch(check: &TokenCheck, files: &ReadFile) -> Result<Bytes, String> {
    let plan = check.plan();
    let secret = String::from_utf8_lossy(check.secret().trim_ascii());
    let own = format!("{}:{}", encoded(&plan.client_id), encoded(&secret));
    let form = format!("token={}&token_type_hint=access_token", encoded(check.token()));
    match send(&plan.endpoint.path, (Some(&own), form), plan.ca.as_ref(), files).await? {
        (StatusCode::OK, body) => Ok(body),
        (status, _) => Err(format!("it answered {}", status.as_u16())),
    }
}

/// Sends an issuer a form, with the gateway's own name and secret where they stand in a field (RFC 6749 §2.3.1).
pub(crate) async fn send(
    url: &str,
    (own, form): (Option<&str>, String),
    ca: Option<&FileRef>,
    files: &ReadFile,
) -> Result<(StatusCode, Bytes), String> {
    let uri: Uri = url.parse().map_err(|_| "its URL cannot be read".to_owned())?;
    let host = uri.host().ok_or("its URL names no host")?.trim_matches(['[', ']']).to_owned();
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let request = question(&uri, own, form)?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    if !secure {
        return exchange(stream, request).await;
    }
    let ca = ca.map(|file| files(&file.path)).transpose();
    let ca = ca.map_err(|error| format!("its authorities cannot be read: {error}"))?;
    let roots = roots(ca.as_ref()).map_err(|error| error.to_string())?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    exchange(connected.map_err(|error| error.to_string())?, request).await
}

fn question(uri: &Uri, own: Option<&str>, form: String) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::post(uri.path_and_query().map_or("/", |target| target.as_str()))
        .header(header::HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    if let Some(own) = own {
        request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(own)));
    }
    request.body(Full::new(form.into())).map_err(|error| error.to_string())
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|error| error.to_string())?;
    // Ends with this function, whatever the other side does.
    let mut driving = tokio::task::JoinSet::new();
    driving.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let read = Limited::new(answer.into_body(), LARGEST).collect().await;
    Ok((status, read.map_err(|error| format!("its answer: {error}"))?.to_bytes()))
}

/// A value as forms carry it (RFC 6749 appendix B), but that a blank is `%20`, which all read alike.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_a_token_is_active() {
        assert_eq!(active(br#"{"active":false,"sub":"anna"}"#), Ok(None));
        assert!(active(br#"{"active":true,"sub":"anna"}"#).is_ok_and(|claims| claims.is_some()));
        for wrong in ["", "{}", r#"{"active":"true"}"#, "<html>"] {
            assert!(active(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tokens_are_written_as_forms_are() {
        assert_eq!(encoded("a-b_1.~+/= &é"), "a-b_1.~%2B%2F%3D%20%26%C3%A9");
    }
}
