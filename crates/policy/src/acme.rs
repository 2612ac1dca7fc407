//! Certificates an authority issues by itself (ACME, RFC 8555).
//!
//! Invariant: nothing is ordered in the name of somebody who did not agree to the authority's terms. Deliberately absent:
//! ordering; here is only for which names, where, and how it is kept.

use portcullis_document::{Node, Problem};
use smol_str::SmolStr;

use crate::decode::{Reading, section, words};
use crate::scalar::{FileRef, HostPattern, SecretSource};
use crate::server::DataPath;
use crate::site::Site;

section! {
    /// Certificates ordered from an authority by ACME (RFC 8555) and renewed when a third of their time is left.
    pub struct Acme as "ACME" {
        /// The authority's directory; Let's Encrypt's if not given.
        directory: SmolStr = "https://acme-v02.api.letsencrypt.org/directory",
        /// Whether you agree to the authority's terms of service, which it links in its directory. Nothing is ordered without.
        agree_to_terms: bool = "false",
        /// Where the authority may write to about the account: `mailto:` is put before.
        contact: Option<SmolStr>,
        /// How the authority convinces itself that a host is yours.
        challenge: AcmeChallenge = "http-01",
        /// The account with the authority's owner that this one is bound to, where it wants one (RFC 8555 §7.3.4).
        external_account: Option<ExternalAccount>,
        /// The hosts to have certificates for, one each. If none are named: those of the sites, but for wildcards and
        /// addresses.
        hosts: Vec<SmolStr> = "[]",
        /// The authorities that vouch for the directory's own certificate, PEM, if not the web's: for a private authority.
        ca: Option<FileRef>,
        /// The folder for the account's key and the certificates with theirs, readable to the gateway's user alone.
        folder: DataPath = "data/certificates",
    }
    => settle_acme
}

words! {
    /// What an authority looks at before it issues a certificate.
    pub enum AcmeChallenge {
        /// A token over HTTP at port 80 of the host (RFC 8555 §8.3): a listener in clear has to be reachable there.
        Http = "http-01",
        /// A certificate of its own over TLS at port 443 of the host (RFC 8737): a listener with TLS has to be reachable there.
        TlsAlpn = "tls-alpn-01",
    }
}

section! {
    /// An account with an authority's owner.
    pub struct ExternalAccount as "external account" {
        /// What the owner calls the account: the key identifier.
        id: SmolStr,
        /// The key, in base64url as it is handed out.
        key: SecretSource,
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of every section's last check")]
fn settle_acme(acme: Acme, node: &Node, reading: &mut Reading) -> Option<Acme> {
    let mut wrong = |place: &portcullis_document::Place, message: String, remedy: &str| {
        reading.problems.push(Problem::error("policy.acme", message).at(place).remedy(remedy));
    };
    if !acme.agree_to_terms {
        let message =
            "certificates can be ordered only by whoever agrees to the authority's terms".to_owned();
        wrong(&node.place, message, "read them and add `agree_to_terms: true`");
    }
    if !acme.directory.starts_with("https://") {
        let place = node.get("directory").map_or(&node.place, |directory| &directory.place);
        wrong(
            place,
            "an ACME directory is at an `https` URL".to_owned(),
            "write it like `https://HOST/directory`",
        );
    }
    for host in &acme.hosts {
        if !is_orderable(host) {
            let place = node.get("hosts").map_or(&node.place, |hosts| &hosts.place);
            wrong(
                place,
                format!("no certificate can be had by HTTP for `{host}`"),
                "name a host like `shop.example`",
            );
        }
    }
    Some(acme)
}

/// Whether a host's certificate can be had by HTTP: a plain name, which is safe as a file's, too.
fn is_orderable(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(label)
        && host.parse::<std::net::IpAddr>().is_err()
}

impl Acme {
    /// The hosts to have certificates for, each once.
    pub fn hosts_of<'a>(&'a self, sites: impl Iterator<Item = &'a Site>) -> Vec<SmolStr> {
        let mut hosts = self.hosts.clone();
        if hosts.is_empty() {
            let named = sites.flat_map(|site| &site.hosts).filter_map(|host| match host {
                HostPattern::Exact(name) => Some(name.clone()),
                HostPattern::Below(_) | HostPattern::Any => None,
            });
            hosts = named.filter(|name| is_orderable(name)).collect();
        }
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// The file of a host's certificate chain and key, both in one so that they always belong together.
    pub fn file(&self, host: &str) -> SmolStr {
        format!("{}/{host}.pem", self.folder.path.trim_end_matches('/')).into()
    }
}
