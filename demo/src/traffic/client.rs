//! One person's connection: HTTP/1.1 with keep-alive, made again when the other side has closed it.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take before the story stops.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the gateway is, and the host that is asked for there.
#[derive(Clone, Debug)]
pub struct Gateway {
    address: String,
    host: String,
}

impl Gateway {
    /// Reads `http://ADDRESS:PORT` or `ADDRESS:PORT`.
    pub fn parse(url: &str, host: Option<&str>) -> anyhow::Result<Self> {
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some((scheme, _)) => bail!("the demo's traffic speaks plain http, not {scheme}"),
            None => url,
        };
        let address = rest.trim_end_matches('/').to_owned();
        let (host_part, port) = address.rsplit_once(':').context("the gateway's address needs a port")?;
        port.parse::<u16>().with_context(|| format!("`{port}` is not a port"))?;
        let host = host.map_or_else(|| host_part.to_owned(), str::to_owned);
        Ok(Self { address, host })
    }

    async fn connect(&self) -> anyhow::Result<TcpStream> {
        let connecting = timeout(PATIENCE, TcpStream::connect(&self.address)).await;
        let stream = connecting.context("connecting took too long")?;
        let stream = stream.with_context(|| format!("nobody answers at {}", self.address))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Sends bytes as they are and gives the status of what comes back.
    pub(super) async fn send_raw(&self, bytes: &str) -> anyhow::Result<u16> {
        let mut stream = self.connect().await?;
        stream.write_all(bytes.replace("{host}", &self.host).as_bytes()).await?;
        let mut answer = [0; 12]; // `HTTP/1.1 400`
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.context("no answer")??;
        let status = answer.get(9..).and_then(|digits| std::str::from_utf8(digits).ok());
        status.and_then(|digits| digits.parse().ok()).context("the answer is not HTTP")
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(body) }
    }

    pub(super) fn put(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PUT, ..Self::post(path, body) }
    }
}

/// What a person shows.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    Nothing,
    Token(String),
    Key(String),
}

/// Somebody who calls: from an address, with a credential.
pub(super) struct Person {
    gateway: Gateway,
    address: Ipv4Addr,
    agent: &'static str,
    pub(super) credential: Credential,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Person {
    pub(super) fn new(gateway: &Gateway, address: Ipv4Addr, agent: &'static str) -> Self {
        let gateway = gateway.clone();
        Self { gateway, address, agent, credential: Credential::Nothing, connection: None }
    }

    pub(super) fn with(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    /// Calls and waits for the whole answer.
    pub(super) async fn call(&mut self, call: &Call) -> anyhow::Result<Answer> {
        let request = self.request(call)?;
        let answering = async {
            let answer = match self.connection().await?.try_send_request(request).await {
                Ok(answer) => answer,
                // A kept connection was closed before the request left: once more on a fresh one.
                Err(mut failed) => {
                    self.connection = None;
                    let Some(unsent) = failed.take_message() else { bail!(failed.into_error()) };
                    self.connection().await?.send_request(unsent).await?
                }
            };
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await?.to_bytes();
            anyhow::Ok(Answer { status, body })
        };
        let answer = timeout(PATIENCE, answering).await.context("no answer")?;
        answer.with_context(|| format!("{} {}", call.method, call.path))
    }

    fn request(&self, call: &Call) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(&call.method)
            .uri(&call.path)
            .header(header::HOST, &self.gateway.host)
            .header(header::USER_AGENT, self.agent)
            .header("x-forwarded-for", self.address.to_string());
        request = match &self.credential {
            Credential::Nothing => request,
            Credential::Token(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            Credential::Key(key) => request.header("x-api-key", key),
        };
        let body = call.body.as_ref().map(Value::to_string);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::from(body.unwrap_or_default()))?)
    }

    async fn connection(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        if self.connection.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = self.gateway.connect().await?;
            let (mut sender, driver) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(driver); // ends when the sender is dropped or the other side closes
            sender.ready().await?;
            self.connection = Some(sender);
        }
        let sender = self.connection.as_mut().context("no connection")?;
        Ok(sender)
    }
}
