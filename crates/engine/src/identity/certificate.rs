//! Which name of a client certificate is its holder's.
//!
//! Invariant: a SPIFFE id is taken from a certificate that is one of SPIFFE's, and from no other. It does not know who
//! verified the certificate: the listener did.

use portcullis_model::exchange::ClientCertificate;
use smol_str::SmolStr;

/// Which name of a client certificate is the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateName {
    /// The first DNS subject alternative name.
    Dns,
    /// The first URI subject alternative name.
    Uri,
    /// The only URI subject alternative name, a SPIFFE id.
    Spiffe,
    /// The common name.
    Common,
    /// The certificate's SHA-256.
    Fingerprint,
}

impl CertificateName {
    pub(crate) fn of(self, certificate: &ClientCertificate) -> Option<SmolStr> {
        match self {
            Self::Dns => certificate.dns_names.first().cloned(),
            Self::Uri => certificate.uris.first().cloned(),
            Self::Spiffe => spiffe_id(&certificate.uris).cloned(),
            Self::Common => certificate.common_name.clone(),
            Self::Fingerprint => Some(certificate.fingerprint.clone()),
        }
    }
}

/// The SPIFFE id of an X.509-SVID: it has one URI and no other, with a trust domain and a path in the few characters that
/// such an id may have (SPIFFE-ID §2, X509-SVID §2).
fn spiffe_id(uris: &[SmolStr]) -> Option<&SmolStr> {
    let [uri] = uris else { return None };
    let (domain, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let in_domain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    let in_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let segment = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(in_path);
    let whole = uri.len() <= 2048 && !domain.is_empty() && domain.len() <= 255;
    (whole && domain.bytes().all(in_domain) && path.split('/').all(segment)).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spiffe_id_is_the_only_uri_and_well_formed() {
        let of = |uris: &[&str]| {
            let uris: Vec<SmolStr> = uris.iter().map(SmolStr::new).collect();
            spiffe_id(&uris).map(SmolStr::to_string)
        };
        for good in ["spiffe://shop.example/till/7", "spiffe://td_1/a.b-c_D"] {
            assert_eq!(of(&[good]).as_deref(), Some(good));
        }
        for bad in [
            "https://shop.example/till",
            "spiffe://shop.example",
            "spiffe://shop.example/",
            "spiffe://shop.example/a//b",
            "spiffe://shop.example/../b",
            "spiffe://shop.example/a/",
            "spiffe://Shop.example/a",
            "spiffe://shop.example:80/a",
            "spiffe:///a",
            "spiffe://shop.example/a?b",
            "spiffe://shop.example/a%20b",
        ] {
            assert_eq!(of(&[bad]), None, "{bad}");
        }
        assert_eq!(of(&["spiffe://a/b", "spiffe://a/c"]), None, "two of them");
        assert_eq!(of(&[]), None);
    }
}
