//! Server certificates: read from PEM files, found by the name a client asks for.
//!
//! Invariants: every key fits its certificate; a name the client asks for that no certificate carries gets the
//! first one, so that the refusal that follows can be read. Several certificates may carry one name (an ECDSA
//! and an RSA one); the first the client can verify is used.

use std::io;
use std::sync::Arc;

use hashbrown::HashMap;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use smol_str::{SmolStr, StrExt};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{KeyPair, Spec};
use crate::ports::ReadFile;

/// Why a listener's TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be read.
    #[error("cannot read {file}: {cause}")]
    Read {
        /// The file as policy names it.
        file: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A file is not what it should be.
    #[error("{file} has no {what} in PEM form")]
    Pem {
        /// The file as policy names it.
        file: String,
        /// What was looked for in it.
        what: &'static str,
    },
    /// A certificate and a key do not go together.
    #[error("{certificate} and {key} do not go together: {cause}")]
    Pair {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// What the library said.
        cause: rustls::Error,
    },
    /// The authorities for client certificates, or their revocation lists, are of no use.
    #[error("{file} does not serve for client certificates: {cause}")]
    Authorities {
        /// The authorities' file, or that of the lists.
        file: String,
        /// What the library said.
        cause: String,
    },
    /// The listener names no certificate.
    #[error("no certificate is named")]
    None,
    /// The TLS library refused the configuration.
    #[error("TLS cannot be set up: {0}")]
    Library(rustls::Error),
}

/// Reads every certificate of a PEM file, in order.
pub(super) fn load_chain(
    file: &str,
    files: &ReadFile,
) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = read(file, files)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(CertificateError::Pem { file: file.to_owned(), what: "certificate" }),
    }
}

/// Reads a PEM file of revocation lists.
pub(super) fn load_revocations(
    file: &str,
    files: &ReadFile,
) -> Result<Vec<CertificateRevocationListDer<'static>>, CertificateError> {
    let text = read(file, files)?;
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
    match lists {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        _ => Err(CertificateError::Pem { file: file.to_owned(), what: "certificate revocation list" }),
    }
}

fn read(file: &str, files: &ReadFile) -> Result<bytes::Bytes, CertificateError> {
    files(file).map_err(|cause| CertificateError::Read { file: file.to_owned(), cause })
}

fn load_pair(
    pair: &KeyPair,
    files: &ReadFile,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    let chain = load_chain(&pair.certificate, files)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&pair.key, files)?)
        .map_err(|_| CertificateError::Pem { file: pair.key.to_string(), what: "private key" })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|cause| CertificateError::Pair {
        certificate: pair.certificate.to_string(),
        key: pair.key.to_string(),
        cause,
    })
}

/// One that ACME brings; none while its file is not there or cannot be used: it is ordered anew, and nothing else waits.
fn load_ordered(file: &SmolStr, files: &ReadFile, provider: &CryptoProvider) -> Option<CertifiedKey> {
    let pair = KeyPair { certificate: file.clone(), key: file.clone() };
    match load_pair(&pair, files, provider) {
        Ok(certified) => Some(certified),
        Err(CertificateError::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, "a certificate from ACME cannot be used");
            None
        }
    }
}

/// A listener's certificates by the names they carry.
#[derive(Debug)]
pub(super) struct ServerNames {
    /// Lower-case names; a wildcard under what follows its `*.`, with a leading dot.
    by_name: HashMap<SmolStr, Vec<Arc<CertifiedKey>>>,
    /// None where all are still to be ordered: no handshake comes about.
    first: Option<Arc<CertifiedKey>>,
}

impl ServerNames {
    /// Reads every pair.
    pub(super) fn load(
        spec: &Spec,
        files: &ReadFile,
        provider: &CryptoProvider,
    ) -> Result<Self, CertificateError> {
        let mut by_name: HashMap<SmolStr, Vec<Arc<CertifiedKey>>> = HashMap::new();
        let mut first = None;
        let named = spec.pairs.iter().map(|pair| load_pair(pair, files, provider));
        let ordered = spec.ordered.iter().filter_map(|file| load_ordered(file, files, provider)).map(Ok);
        for certified in named.chain(ordered) {
            let certified = Arc::new(certified?);
            for name in certified.cert.first().map(names_of).unwrap_or_default() {
                by_name.entry(name).or_default().push(Arc::clone(&certified));
            }
            first.get_or_insert(certified);
        }
        if first.is_none() && spec.ordered.is_empty() && spec.pairs.is_empty() {
            return Err(CertificateError::None);
        }
        Ok(Self { by_name, first })
    }

    fn named(&self, name: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        let name = name.to_lowercase_smolstr();
        self.by_name.get(&name).or_else(|| self.by_name.get(name.get(name.find('.')?..)?))
    }
}

impl ResolvesServerCert for ServerNames {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.named(name));
        let usable = named.and_then(|certified| {
            certified.iter().find(|each| each.key.choose_scheme(hello.signature_schemes()).is_some())
        });
        usable.or(self.first.as_ref()).map(Arc::clone)
    }
}

/// The DNS names a certificate is good for (RFC 6125: subject alternative names only).
fn names_of(certificate: &CertificateDer<'_>) -> Vec<SmolStr> {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    let dns = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    dns.map(|name| name.strip_prefix('*').unwrap_or(name).to_lowercase_smolstr()).collect()
}
