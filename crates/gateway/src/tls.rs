//! TLS towards clients: the listener's certificates, its client verification, and the handshake.
//!
//! Invariants: TLS 1.2 and 1.3 only, with rustls' own choice of suites; a listener's configuration is built
//! whole from its files or not at all; a session made under one configuration does not resume under another.
//! Deliberately absent: who a client certificate is (the engine's), and where SNI and Host disagree (as well).

mod certificate;
mod client;
mod hello;

use std::io;
use std::sync::Arc;

use portcullis_model::exchange::TlsFacts;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, ClientHello, VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, RootCertStore, ServerConfig, ServerConnection};
use smol_str::{SmolStr, StrExt};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

pub use certificate::CertificateError;
use certificate::ServerNames;

use crate::challenges::ALPN;
use crate::connection::Protocol;
use crate::ports::ReadFile;
use crate::sniff::{Prefixed, prefixed};

/// Whether clients show a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// None is asked for.
    Off,
    /// One is asked for; a client without one is let in.
    Optional {
        /// The file of authorities.
        authorities: SmolStr,
    },
    /// A client without one does not get in.
    Required {
        /// The file of authorities.
        authorities: SmolStr,
    },
}

/// A certificate chain and its key, as files that policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPair {
    /// The chain, PEM, the server's own certificate first.
    pub(crate) certificate: SmolStr,
    /// The key, PEM.
    pub(crate) key: SmolStr,
}

/// The oldest version of TLS spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oldest {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

/// A listener's TLS as policy wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    /// Certificates and keys; the first is shown where no name fits.
    pub(crate) pairs: Vec<KeyPair>,
    /// Files with a chain and its key that ACME brings; they may not be there yet.
    pub(crate) ordered: Vec<SmolStr>,
    /// Whether clients show a certificate.
    pub(crate) client: ClientAuth,
    /// The file of lists of certificates that were taken back.
    pub(crate) revoked: Option<SmolStr>,
    /// The oldest version spoken.
    pub(crate) oldest: Oldest,
    /// The ALPN names offered, most wanted first.
    pub(crate) protocols: &'static [&'static [u8]],
}

/// A connection after its handshake.
pub(crate) struct Established {
    /// The encrypted stream.
    pub(crate) stream: TlsStream<Prefixed<TcpStream>>,
    /// What the handshake showed.
    pub(crate) facts: TlsFacts,
    /// What ALPN chose; HTTP/1 where the client offered nothing.
    pub(crate) protocol: Protocol,
}

/// Builds a listener's configuration from its files.
pub(crate) fn configure(spec: &Spec, files: &ReadFile) -> Result<Arc<ServerConfig>, CertificateError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let names = ServerNames::load(spec, files, &provider)?;
    let verifier = client_verifier(spec, files, &provider)?;
    let versions: &[_] = match spec.oldest {
        Oldest::V12 => &[&TLS13, &TLS12],
        Oldest::V13 => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(CertificateError::Library)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(names));
    config.alpn_protocols = spec.protocols.iter().map(|name| name.to_vec()).collect();
    config.ticketer = Ticketer::new().map_err(CertificateError::Library)?;
    Ok(Arc::new(config))
}

fn client_verifier(
    spec: &Spec,
    files: &ReadFile,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    let (ClientAuth::Optional { authorities } | ClientAuth::Required { authorities }) = &spec.client else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let roots = Arc::new(load_roots(authorities, files)?);
    let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    if let Some(file) = &spec.revoked {
        verifier = verifier.with_crls(certificate::load_revocations(file, files)?);
    }
    if matches!(spec.client, ClientAuth::Optional { .. }) {
        verifier = verifier.allow_unauthenticated();
    }
    let refuse = |error: VerifierBuilderError| CertificateError::Authorities {
        file: match (&error, &spec.revoked) {
            (VerifierBuilderError::InvalidCrl(_), Some(file)) => file.to_string(),
            _ => authorities.to_string(),
        },
        cause: error.to_string(),
    };
    verifier.build().map_err(refuse)
}

/// Reads a PEM file of authorities.
fn load_roots(file: &str, files: &ReadFile) -> Result<RootCertStore, CertificateError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificate::load_chain(file, files)? {
        roots.add(certificate).map_err(|error| CertificateError::Authorities {
            file: file.to_owned(),
            cause: error.to_string(),
        })?;
    }
    Ok(roots)
}

/// Carries out the handshake; the caller bounds its time.
///
/// `config` is asked once the hello has been read, so a reload between accept and hello takes the new one; `None`
/// ends the handshake. `proof` is asked where an authority looks at a host it is asked to issue a certificate for;
/// such a connection is over with its handshake, and nothing comes of it.
pub(crate) async fn handshake(
    mut stream: TcpStream,
    config: impl FnOnce() -> Option<Arc<ServerConfig>>,
    proof: impl AsyncFnOnce(&str) -> Option<Arc<ServerConfig>>,
) -> io::Result<Option<Established>> {
    let heard = hello::listen(&mut stream).await?;
    let stream = prefixed(stream, heard.bytes);
    let started = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    if let Some(host) = looked_at(&started.client_hello())
        && let Some(proof) = proof(&host).await
    {
        started.into_stream(proof).await?.shutdown().await?;
        return Ok(None);
    }
    let config = config().ok_or(io::ErrorKind::ConnectionAborted)?;
    let stream = started.into_stream(config).await?;
    let (_, session) = stream.get_ref();
    let facts = TlsFacts { ja4: heard.ja4, ..facts(session) };
    let protocol = match facts.alpn.as_deref() {
        Some("h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    Ok(Some(Established { stream, facts, protocol }))
}

/// The host that an authority looks at: whoever offers its protocol, and nothing else, is one (RFC 8737 §3).
fn looked_at(hello: &ClientHello<'_>) -> Option<String> {
    let mut offered = hello.alpn()?;
    let is_authority = offered.next() == Some(ALPN) && offered.next().is_none();
    hello.server_name().filter(|_| is_authority).map(str::to_owned)
}

fn facts(session: &ServerConnection) -> TlsFacts {
    TlsFacts {
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => SmolStr::new_static("1.3"),
            _ => SmolStr::new_static("1.2"),
        },
        cipher: session
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .map(SmolStr::new_static)
            .unwrap_or_default(),
        server_name: session.server_name().map(StrExt::to_lowercase_smolstr),
        ja4: None,
        alpn: session.alpn_protocol().and_then(|name| std::str::from_utf8(name).ok()).map(SmolStr::new),
        client_certificate: session
            .peer_certificates()
            .and_then(<[_]>::first)
            .and_then(client::read_certificate),
    }
}
