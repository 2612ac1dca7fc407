//! TLS towards upstream servers.
//!
//! Invariant: a certificate is checked unless policy says in so many words that it is not. Deliberately absent:
//! files: roots, and what we show for ourselves, come as bytes.

use std::sync::Arc;

use bytes::Bytes;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::plan::{OwnCertificate, TlsPlan, Verify};

/// Why TLS towards a site's servers cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsPlanError {
    /// The roots are not PEM certificates.
    #[error("the upstream's `ca` holds no usable certificate: {0}")]
    Roots(String),
    /// What we show for ourselves is no certificate with its key.
    #[error("the upstream's `certificate` and `key` cannot be used: {0}")]
    Own(String),
    /// The library refused.
    #[error("TLS to the upstream cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The connectors of one site: they differ in what ALPN offers.
pub(crate) struct Connectors {
    /// Offers HTTP/2 and HTTP/1.1.
    pub(crate) either: TlsConnector,
    /// Offers HTTP/1.1 alone.
    pub(crate) http1: TlsConnector,
}

/// Makes the connectors of one site.
pub(crate) fn connectors(plan: &TlsPlan) -> Result<Connectors, TlsPlanError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match plan.verify {
        Verify::Full => builder.with_root_certificates(roots(plan.roots.as_ref())?),
        Verify::Nothing => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked { provider }))
        }
    };
    let mut config = match &plan.own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let (chain, key) = read_own(own)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| TlsPlanError::Own(error.to_string()))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let http1 = TlsConnector::from(Arc::new(config.clone()));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Connectors { either: TlsConnector::from(Arc::new(config)), http1 })
}

/// The name a server is asked for and checked against.
pub(crate) fn server_name(plan: &TlsPlan, host: &str) -> Option<ServerName<'static>> {
    let name = plan.server_name.as_deref().unwrap_or(host);
    ServerName::try_from(name.to_owned()).ok()
}

fn read_own(
    own: &OwnCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsPlanError> {
    let unusable = |error: &dyn std::fmt::Display| TlsPlanError::Own(error.to_string());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&own.chain).collect();
    let chain = chain.map_err(|error| unusable(&error))?;
    if chain.is_empty() {
        return Err(unusable(&"no certificate in the file"));
    }
    let key = PrivateKeyDer::from_pem_slice(&own.key).map_err(|error| unusable(&error))?;
    Ok((chain, key))
}

/// The authorities in a file, else the web's.
pub(crate) fn roots(pem: Option<&Bytes>) -> Result<RootCertStore, TlsPlanError> {
    let mut store = RootCertStore::empty();
    let Some(pem) = pem else {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(store);
    };
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| TlsPlanError::Roots(error.to_string()))?;
        store.add(certificate).map_err(|error| TlsPlanError::Roots(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(TlsPlanError::Roots("no certificate in the file".into()));
    }
    Ok(store)
}

/// `verify: none`: takes any certificate, still checking that the server holds its key.
#[derive(Debug)]
struct Unchecked {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
