//! One HTTP POST to a receiver a policy names: a webhook, a collector of traces.
//!
//! Invariants: redirects are not followed; the answer's body is read up to a bound; neither URL nor secret stands in an error.

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::http::request::Builder;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::alerts::Trust;

/// The most that is read of an answer, bytes.
const ANSWER: usize = 64 << 10;

/// Where a request goes.
pub(crate) struct Receiver<'a> {
    uri: Uri,
    trust: &'a Trust,
}

impl<'a> Receiver<'a> {
    /// Reads where to.
    pub(crate) fn new(url: &str, trust: &'a Trust) -> Result<Self, String> {
        let uri: Uri = url.trim().parse().map_err(|_| "its URL cannot be read".to_owned())?;
        Ok(Self { uri, trust })
    }

    /// A request to it, without fields of its own and without a body.
    pub(crate) fn request(&self) -> Builder {
        Request::builder()
            .method(Method::POST)
            .uri(self.uri.path_and_query().map_or("/", |target| target.as_str()))
            .header("host", self.uri.authority().map_or("", |authority| authority.as_str()))
            .header("user-agent", concat!("portcullis/", env!("CARGO_PKG_VERSION")))
    }

    /// Sends it over a connection of its own, and reads the answer.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String> {
        let host = self.uri.host().ok_or("its URL names no host")?.trim_matches(['[', ']']).to_owned();
        let is_secure = self.uri.scheme_str() == Some("https");
        let port = self.uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
        if !is_secure {
            return exchange(stream, request).await;
        }
        let stream = self.trust.connect(&host, stream).await.map_err(|error| error.to_string())?;
        exchange(stream, request).await
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, String>
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
    let (parts, body) = answer.into_parts();
    // What it says beside its status is a courtesy: one that breaks off says nothing.
    let said = Limited::new(body, ANSWER).collect().await.map(http_body_util::Collected::to_bytes);
    Ok(Response::from_parts(parts, said.unwrap_or_default()))
}
