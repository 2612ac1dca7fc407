//! A webhook: JSON by HTTP POST, signed.
//!
//! Invariants: taken means an answer of 2xx; redirects are not followed; neither URL nor key stands in an error.

use aws_lc_rs::hmac;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use portcullis_model::{Secret, Timestamp};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Trust;
use crate::findings::Notice;

/// The version of the message and of its signature.
const VERSION: &str = "v1";

/// Posts one message.
pub(super) async fn post(
    url: &Secret<String>,
    key: Option<&Secret<Vec<u8>>>,
    trust: &Trust,
    notices: &[Notice],
    now: Timestamp,
) -> Result<(), String> {
    let uri: Uri = url.reveal().trim().parse().map_err(|_| "its URL cannot be read".to_owned())?;
    let host = uri.host().ok_or("its URL names no host")?.trim_matches(['[', ']']).to_owned();
    let is_secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let request = request(&uri, key, notices, now)?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    if !is_secure {
        return exchange(stream, request).await;
    }
    let stream = trust.connect(&host, stream).await.map_err(|error| error.to_string())?;
    exchange(stream, request).await
}

fn request(
    uri: &Uri,
    key: Option<&Secret<Vec<u8>>>,
    notices: &[Notice],
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, String> {
    let body = body(notices, now);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(uri.path_and_query().map_or("/", |target| target.as_str()))
        .header("host", uri.authority().map_or("", |authority| authority.as_str()))
        .header("content-type", "application/json")
        .header("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION")))
        .header("portcullis-timestamp", now.as_secs());
    if let Some(key) = key {
        let signed = signature(key.reveal(), now.as_secs(), body.as_bytes());
        request = request.header("portcullis-signature", signed);
    }
    request.body(Full::new(body.into())).map_err(|error| error.to_string())
}

fn body(notices: &[Notice], now: Timestamp) -> String {
    let findings: Vec<_> = notices
        .iter()
        .map(|notice| json!({ "notice": notice.seq, "news": notice.news, "finding": notice.finding }))
        .collect();
    json!({ "version": 1, "sent": now, "findings": findings }).to_string()
}

/// `v1=` and the HMAC-SHA-256 of `v1.TIMESTAMP.BODY` in lower case hexadecimal.
pub fn signature(key: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    context.update(format!("{VERSION}.{seconds}.").as_bytes());
    context.update(body);
    let hex: Vec<String> = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{VERSION}={}", hex.concat())
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    // Ends with this function, whatever the other side does.
    let mut driving = tokio::task::JoinSet::new();
    driving.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {}", status.as_u16())) }
}
