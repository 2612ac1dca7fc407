//! HTTP to an authority: a connection for each request, within a time and a size.
//!
//! Invariants: only over TLS, its certificate held against the authorities policy names, else the web's; redirects are not
//! followed. Notes how long the authority wants to be left alone.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::remote;

/// For one request.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer (bytes).
const LARGEST: usize = 1024 * 1024;

/// Asks an authority.
#[derive(Clone)]
pub(super) struct Client {
    ca: Option<String>,
    wait: Arc<Mutex<Option<Duration>>>,
}

impl Client {
    /// `ca` is a file of authorities in place of the web's.
    pub(super) fn new(ca: Option<String>) -> Self {
        Self { ca, wait: Arc::default() }
    }

    /// How long the authority wants to be left alone, where it refused and said so.
    pub(super) fn wait(&self) -> Option<Duration> {
        *self.wait.lock()
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, String> {
        let (mut head, body) = request.into_parts();
        let uri = std::mem::take(&mut head.uri);
        if uri.scheme_str() != Some("https") {
            return Err("the authority names an address without TLS".to_owned());
        }
        let host = uri.host().ok_or("the authority names no host")?.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        head.headers.insert(HOST, HeaderValue::from_str(authority).map_err(|error| error.to_string())?);
        let agent = HeaderValue::from_static(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
        head.headers.insert(USER_AGENT, agent);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        head.uri = target.parse::<Uri>().map_err(|error| error.to_string())?;
        let roots = remote::authorities(self.ca.as_deref().map(std::path::Path::new))?;
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let port = uri.port_u16().unwrap_or(443);
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| format!("{authority}: {error}"))?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream =
            connector.connect(name, stream).await.map_err(|error| format!("{authority}: {error}"))?;
        let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connected.map_err(|error| error.to_string())?;
        // Ends with this function, whatever the other side does.
        let mut driving = tokio::task::JoinSet::new();
        driving.spawn(connection);
        let answer =
            sender.send_request(Request::from_parts(head, body)).await.map_err(|error| error.to_string())?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|error| error.to_string())?.to_bytes();
        if parts.status.as_u16() == 429 || parts.status.is_server_error() {
            let seconds = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            *self.wait.lock() = seconds.map(Duration::from_secs);
        }
        Ok(BytesResponse { parts, body: Box::new(body) })
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let asking = timeout(PATIENCE, self.clone().ask(request));
        Box::pin(async move {
            let answer =
                asking.await.unwrap_or_else(|_| Err("the authority did not answer in time".to_owned()));
            answer.map_err(|why| Error::Other(why.into()))
        })
    }
}
