//! What a verified client certificate says about its holder.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_model::exchange::ClientCertificate;
use rustls_pki_types::CertificateDer;
use smol_str::SmolStr;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Reads the names of a certificate the handshake has verified; `None` if it cannot be parsed.
pub(super) fn read_certificate(certificate: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let mut read = ClientCertificate {
        common_name: parsed
            .subject()
            .iter_common_name()
            .find_map(|name| name.as_str().ok())
            .map(SmolStr::new),
        fingerprint: fingerprint(certificate),
        ..ClientCertificate::default()
    };
    if let Ok(Some(names)) = parsed.subject_alternative_name() {
        for name in &names.value.general_names {
            match name {
                GeneralName::DNSName(name) => read.dns_names.push(SmolStr::new(name)),
                GeneralName::URI(uri) => read.uris.push(SmolStr::new(uri)),
                _ => {}
            }
        }
    }
    Some(read)
}

/// SHA-256 of the DER form, hexadecimal.
fn fingerprint(certificate: &CertificateDer<'_>) -> SmolStr {
    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, certificate).as_ref() {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}
