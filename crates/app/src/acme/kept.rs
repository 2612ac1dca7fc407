//! Certificates and accounts in a folder.
//!
//! Invariants: a file is there whole or not at all, and readable to its owner alone; an account belongs to one directory.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use portcullis_model::Timestamp;
use portcullis_policy::Acme;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// A certificate that is kept.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    begins: Timestamp,
    /// When it ends.
    pub(crate) ends: Timestamp,
}

impl Kept {
    /// How long it is good in all.
    pub(crate) fn lifetime(&self) -> Duration {
        self.ends.since(self.begins)
    }

    /// When it is to be renewed: with a third of its time left, and up to a tenth of that sooner, by the host's name, so
    /// that not all are ordered at once.
    pub(super) fn renewal(&self, host: &str) -> Timestamp {
        let third = self.lifetime() / 3;
        let hash = blake3::hash(host.as_bytes());
        let spread = u32::from(hash.as_bytes().first().copied().unwrap_or_default());
        let left = third + third / 10 * spread / 255;
        Timestamp::from_micros(
            self.ends.as_micros().saturating_sub(i64::try_from(left.as_micros()).unwrap_or(0)),
        )
    }
}

/// The certificate in a file, if there is one that can be read.
pub(crate) fn kept(file: &str) -> Option<Kept> {
    let der = CertificateDer::from_pem_slice(&fs::read(file).ok()?).ok()?;
    let (_, parsed) = X509Certificate::from_der(&der).ok()?;
    let (begins, ends) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    Some(Kept { begins: Timestamp::from_secs(begins), ends: Timestamp::from_secs(ends) })
}

/// Whether what came is a certificate for the host, with a key that can be used, so that it never replaces a good one.
pub(super) fn check(pem: &str, host: &str) -> Result<(), String> {
    let unusable = |_| "what the authority sent cannot be used".to_owned();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let chain = chain.map_err(unusable)?;
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(unusable)?;
    let first = chain.first().ok_or("the authority sent no certificate")?;
    let (_, parsed) =
        X509Certificate::from_der(first).map_err(|_| "the certificate cannot be read".to_owned())?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let is_named = names.is_some_and(|names| {
        names
            .value
            .general_names
            .iter()
            .any(|name| matches!(name, GeneralName::DNSName(name) if *name == host))
    });
    if !is_named {
        return Err("the certificate is for another host".to_owned());
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let paired = rustls::sign::CertifiedKey::from_der(chain, key, &provider);
    paired.map(drop).map_err(|error| format!("the certificate does not go with its key: {error}"))
}

/// The file of the account at a directory.
pub(super) fn account(acme: &Acme) -> String {
    let hash = blake3::hash(acme.directory.as_bytes()).to_hex();
    let folder = acme.folder.path.trim_end_matches('/');
    format!("{folder}/account-{}.json", hash.get(..16).unwrap_or_default())
}

/// Puts a file in its place at once.
pub(super) fn write(file: &str, bytes: &[u8]) -> io::Result<()> {
    let path = Path::new(file);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    opened.write_all(bytes)?;
    opened.sync_all()?;
    fs::rename(&new, path)?;
    folder.map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}
