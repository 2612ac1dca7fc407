//! One GET of a document, within a time and a size.
//!
//! Invariants: an answer is 200 with a document, 304, or a failure in words; redirects are not followed, for where a
//! contract comes from is policy's to say; certificates are held against the web's roots.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::{ETAG, LOCATION};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::copies::Copy;

/// How long a fetch may take, from looking up the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest document (bytes).
const LARGEST: usize = 32 * 1024 * 1024;

/// What a server said.
pub(super) enum Answer {
    /// The document.
    Document(Copy),
    /// It is as it was.
    Unchanged,
}

/// Fetches a document and waits for it, on a thread of its own: whoever asks may stand in a runtime already.
pub(super) fn now(url: &str, etag: Option<&str>) -> Result<Answer, String> {
    let fetched = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(get(url, etag))
        });
        fetching.join()
    });
    fetched.unwrap_or_else(|_| Err("the fetch was broken off".to_owned()))
}

/// Fetches a document, unless it is still the one with this tag.
pub(super) async fn get(url: &str, etag: Option<&str>) -> Result<Answer, String> {
    let fetched = tokio::time::timeout(PATIENCE, fetch(url, etag)).await;
    fetched.unwrap_or_else(|_| Err(format!("no answer within {} seconds", PATIENCE.as_secs())))
}

async fn fetch(url: &str, etag: Option<&str>) -> Result<Answer, String> {
    let uri: Uri = url.parse().map_err(|_| "it cannot be read as a URL".to_owned())?;
    let host = uri.host().ok_or("it names no host")?.trim_matches(['[', ']']).to_owned();
    let is_secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let mut request = Request::builder()
        .uri(uri.path_and_query().map_or("/", |target| target.as_str()))
        .header("host", uri.authority().map_or("", |authority| authority.as_str()))
        .header("accept", "application/yaml, application/json, */*;q=0.5")
        .header("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    if !is_secure {
        return exchange(stream, request).await;
    }
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    exchange(connector.connect(name, stream).await.map_err(|error| error.to_string())?, request).await
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.map_err(|error| error.to_string())?;
    // Ends with this function, whatever the other side does.
    let mut driving = tokio::task::JoinSet::new();
    driving.spawn(connection);
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.into_parts();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    match head.status {
        StatusCode::NOT_MODIFIED => Ok(Answer::Unchanged),
        StatusCode::OK => {
            let read = Limited::new(body, LARGEST).collect().await;
            let bytes = read.map_err(|error| format!("its body: {error}"))?.to_bytes();
            Ok(Answer::Document(Copy { bytes, etag: text(ETAG) }))
        }
        status if status.is_redirection() => Err(format!(
            "it is now at {}",
            text(LOCATION).unwrap_or_else(|| "a place it does not name".to_owned())
        )),
        status => Err(format!("it answered {}", status.as_u16())),
    }
}
