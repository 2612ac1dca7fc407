//! Certificates and revocation lists of the policy that have ended or soon will.

use std::time::Duration;

use portcullis_model::Timestamp;
use portcullis_policy::{Policy, Site};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use super::Trouble;
use crate::{acme, serve, span};

/// Less than this left is soon.
const SOON: Duration = Duration::from_hours(21 * 24);

/// Those that have ended, or soon will.
pub(super) fn ending(policy: &Policy) -> Vec<Trouble> {
    let now = serve::now();
    let ends = |file: &str| {
        certificates(file).into_iter().filter_map(|end| trouble(file, &end, now)).collect::<Vec<_>>()
    };
    let lists = |file: &str| {
        lists(file).into_iter().filter_map(|end| list_trouble(file, end, now)).collect::<Vec<_>>()
    };
    let tls = || policy.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let shown = tls().flat_map(|tls| {
        tls.certificate
            .iter()
            .chain(tls.certificates.iter().map(|pair| &pair.certificate))
            .chain(&tls.client_ca)
    });
    let upstreams =
        policy.sites.iter().flat_map(Site::every_upstream).filter_map(|upstream| upstream.tls.ca.as_ref());
    let state = policy.state.server.iter().filter_map(|server| server.ca.as_ref());
    let mut files: Vec<&str> = shown.chain(upstreams).chain(state).map(|file| &*file.path).collect();
    files.sort_unstable();
    files.dedup();
    let crls = tls().filter_map(|tls| tls.client_crl.as_ref()).flat_map(|file| lists(&file.path));
    files.into_iter().flat_map(ends).chain(crls).chain(ordered(policy, now)).collect()
}

/// What is wrong with those that ACME brings: renewed with a third of their time left, less than a quarter is a failure.
fn ordered(policy: &Policy, now: Timestamp) -> Vec<Trouble> {
    let remedy = "read the gateway's log for why no certificate was issued; the host's port 80 has to reach the gateway";
    let told = |(settings, host): (&portcullis_policy::Acme, smol_str::SmolStr)| {
        let Some(kept) = acme::kept(&settings.file(&host)) else {
            let what = format!("there is no certificate for `{host}` from ACME");
            return Some(Trouble::warning("certificates", what, remedy));
        };
        let left = kept.ends.since(now);
        if kept.ends <= now {
            let what = format!("the certificate for `{host}` from ACME has ended");
            return Some(Trouble::error("certificates", what, remedy));
        }
        let what = format!("the certificate for `{host}` from ACME ends in {}", span::short(left));
        (left < kept.lifetime() / 4).then(|| Trouble::warning("certificates", what, remedy))
    };
    acme::wanted(policy).into_iter().filter_map(told).collect()
}

/// A certificate: whose it is, and when it ends.
struct Ending {
    subject: String,
    at: Timestamp,
}

/// The certificates in a file; none where it cannot be read, which loading the policy tells.
fn certificates(file: &str) -> Vec<Ending> {
    let Ok(pem) = std::fs::read(file) else { return Vec::new() };
    let parsed = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).filter_map(|der| {
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let at = Timestamp::from_secs(parsed.validity().not_after.timestamp());
        Some(Ending { subject: parsed.subject().to_string(), at })
    });
    parsed.collect()
}

fn lists(file: &str) -> Vec<Timestamp> {
    let Ok(pem) = std::fs::read(file) else { return Vec::new() };
    let parsed =
        CertificateRevocationListDer::pem_slice_iter(&pem).filter_map(Result::ok).filter_map(|der| {
            let (_, parsed) = CertificateRevocationList::from_der(&der).ok()?;
            Some(Timestamp::from_secs(parsed.next_update()?.timestamp()))
        });
    parsed.collect()
}

fn trouble(file: &str, ending: &Ending, now: Timestamp) -> Option<Trouble> {
    let remedy = "renew it and replace the file; it is watched, and new connections are shown the new one";
    let whose = format!("the certificate in `{file}` ({})", ending.subject);
    let left = ending.at.since(now);
    if ending.at <= now {
        Some(Trouble::error("certificates", format!("{whose} has ended"), remedy))
    } else if left < SOON {
        Some(Trouble::warning("certificates", format!("{whose} ends in {}", span::short(left)), remedy))
    } else {
        None
    }
}

fn list_trouble(file: &str, next: Timestamp, now: Timestamp) -> Option<Trouble> {
    let what = format!("a newer revocation list than the one in `{file}` should be there by now");
    let remedy = "fetch it from the authority and replace the file; the old one counts until then";
    (next <= now).then(|| Trouble::warning("certificates", what, remedy))
}
