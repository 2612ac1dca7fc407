//! The other end of the control socket: what the live commands use.
//!
//! Does not know what is asked or answered; that is [`crate::api`].

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::api::Refusal;

/// Why a question over the control socket got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no gateway answers on {path}: {error}\nIs `portcullis serve` running with this policy?")]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The socket belongs to somebody else.
    #[error("{0} may only be opened by its owner")]
    Forbidden(PathBuf),
    /// The gateway said no.
    #[error("{0}")]
    Refused(String),
    /// The conversation broke off.
    #[error("the gateway's answer broke off: {0}")]
    Broken(String),
}

/// A client of one control socket; each question opens a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

impl Client {
    /// For the socket at `path`.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Asks, and reads the whole answer.
    pub async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, target, Bytes::new()).await
    }

    /// Asks for a change.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Broken(error.to_string()))?;
        self.ask(method, target, body.into()).await
    }

    /// Asks, and hands each line of the answer to `line` as it comes, until that says stop or the answer ends.
    pub async fn follow(
        &self,
        target: &str,
        mut line: impl FnMut(&str) -> Reading,
    ) -> Result<(), ClientError> {
        let mut body = self.open(Method::GET, target, Bytes::new()).await?.into_body();
        let mut rest: Vec<u8> = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| ClientError::Broken(error.to_string()))?;
            rest.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let whole: Vec<u8> = rest.drain(..=end).collect();
                if line(String::from_utf8_lossy(&whole).trim_end()) == Reading::Stop {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<T, ClientError> {
        let answer = self.open(method, target, body).await?.into_body().collect().await;
        let bytes = answer.map_err(|error| ClientError::Broken(error.to_string()))?.to_bytes();
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Broken(error.to_string()))
    }

    async fn open(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, ClientError> {
        let stream = UnixStream::connect(&self.path).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => ClientError::Forbidden(self.path.clone()),
            _ => ClientError::NotRunning { path: self.path.clone(), error },
        })?;
        let broken = |error: hyper::Error| ClientError::Broken(error.to_string());
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends by itself with the answer's body or this process.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", "control")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::Broken(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let bytes = response.into_body().collect().await.map_err(broken)?.to_bytes();
        let said = serde_json::from_slice::<Refusal>(&bytes).map(|refusal| refusal.error);
        Err(ClientError::Refused(said.unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned())))
    }
}

/// Whether a reader of lines wants more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Go on.
    More,
    /// Enough.
    Stop,
}
