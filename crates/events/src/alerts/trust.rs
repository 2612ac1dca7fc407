//! TLS towards those who are told: which authorities may vouch for them.
//!
//! Invariant: a certificate and the name in it are always checked.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The authorities a receiver's certificate is checked against.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The authorities are not PEM certificates.
    #[error("there is no usable certificate in it: {0}")]
    Authorities(String),
    /// The library refused.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl Trust {
    /// The public authorities.
    pub fn public() -> Result<Self, TrustError> {
        Self::of(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// These authorities alone, PEM.
    pub fn only(pem: &[u8]) -> Result<Self, TrustError> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| TrustError::Authorities(error.to_string()))?;
            store.add(certificate).map_err(|error| TrustError::Authorities(error.to_string()))?;
        }
        if store.is_empty() {
            return Err(TrustError::Authorities("it holds none".to_owned()));
        }
        Self::of(store)
    }

    fn of(store: RootCertStore) -> Result<Self, TrustError> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// Shakes hands with the other side, which must prove that it is `host`.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}
