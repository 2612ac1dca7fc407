//! Certificates by ACME, from a real authority's test server: Pebble.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::harness::{Gateway, PATIENCE, Site, exchange};

/// The host the tests order for; it is looked up by no one, as Pebble asks `pebble-challtestsrv` for its address.
const HOST: &str = "shop.acme.test";

/// Whether Pebble is installed; where it is not the test says so, and is skipped, but under CI.
fn is_there() -> bool {
    let found = ["pebble", "pebble-challtestsrv"].iter().all(|program| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    });
    assert!(found || std::env::var_os("CI").is_none(), "pebble is installed (`cargo xtask test` does)");
    if !found {
        let said = "skipped: there is no pebble\n";
        std::io::stderr().write_all(said.as_bytes()).expect("told");
    }
    found
}

fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port()
}

/// An authority and the name server it asks, on ports of their own, stopped when dropped.
struct Authority {
    folder: tempfile::TempDir,
    directory: u16,
    names: u16,
    children: Vec<Child>,
}

impl Authority {
    /// One that looks at `challenges` in place of port 80; not running yet.
    fn prepare(challenges: u16) -> Self {
        Self::prepare_for(challenges, free(), None)
    }

    /// One that looks at these ports in place of 80 and 443, and binds accounts to the one with this key.
    fn prepare_for(challenges: u16, encrypted: u16, bound: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (directory, management, names) = (free(), free(), free());
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("ca.pem", &made.cert.pem());
        write("key.pem", &made.signing_key.serialize_pem());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{directory}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.path().join("ca.pem"),
            "privateKey": folder.path().join("key.pem"),
            "httpPort": challenges,
            "tlsPort": encrypted,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": bound.is_some(),
            "externalAccountMACKeys": bound.map(|key| serde_json::json!({ "account-7": key })),
        }});
        write("pebble.json", &config.to_string());
        Self { folder, directory, names, children: Vec::new() }
    }

    fn start(&mut self, variables: &[(&str, &str)]) {
        let names = Command::new("pebble-challtestsrv")
            .args([
                "-defaultIPv4",
                "127.0.0.1",
                "-defaultIPv6",
                "",
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
            ])
            .args(["-dns01", &format!("127.0.0.1:{}", self.names)])
            .args(["-management", &format!("127.0.0.1:{}", free())])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.children.push(names.expect("it starts"));
        let pebble = Command::new("pebble")
            .arg("-config")
            .arg(self.folder.path().join("pebble.json"))
            .args(["-dnsserver", &format!("127.0.0.1:{}", self.names)])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "5")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.children.push(pebble.expect("it starts"));
    }

    fn ca(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    fn stop(&mut self) {
        for mut child in self.children.drain(..) {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A policy with a listener over TLS that orders, and one in clear on `challenges`.
fn policy(authority: &Authority, challenges: u16) -> String {
    policy_of(authority, free(), challenges, "")
}

/// The same with its port for TLS, and more said of the authority.
fn policy_of(authority: &Authority, encrypted: u16, challenges: u16, more: &str) -> String {
    format!(
        "listen:\n  - address: 127.0.0.1:{encrypted}\n    tls:\n      acme: {{ directory: \"https://127.0.0.1:{}/dir\", \
         agree_to_terms: true, ca: {:?}{more} }}\n  - 127.0.0.1:{challenges}\nmetrics: {{ listen: \"127.0.0.1:0\" }}\nsites:\n  \
         shop: {{ hosts: [{HOST}], upstream: {{ servers: [UPSTREAM] }} }}\n",
        authority.directory,
        authority.ca(),
    )
}

/// Believes every certificate and says which it was.
fn shown(address: SocketAddr) -> Option<CertificateDer<'static>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(HOST).expect("a name");
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut socket = TcpStream::connect(address).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).ok()?;
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    Some(session.peer_certificates()?.first()?.clone().into_owned())
}

#[derive(Debug)]
struct Anybody(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn in_file(gateway: &Gateway) -> CertificateDer<'static> {
    let file = gateway.path(&format!("data/certificates/{HOST}.pem"));
    CertificateDer::from_pem_file(file).expect("a certificate")
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn a_certificate_is_ordered_kept_and_shown() {
    if !is_there() {
        return;
    }
    let challenges = free();
    let mut authority = Authority::prepare(challenges);
    // The authority is not there yet.
    let mut gateway = Gateway::start(&policy(&authority, challenges));
    let clear = SocketAddr::from(([127, 0, 0, 1], challenges));
    let ask = |path: &str| {
        exchange(clear, &format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"))
    };
    gateway.await_until("an order failed", |gateway| {
        let metrics = gateway.metrics();
        metrics.contains(&format!("acme_failures_total{{host=\"{HOST}\"}} 1")).then_some(())
    });
    assert_eq!(shown(gateway.address()), None, "no certificate, no handshake");
    let counted = |line: &str| line.contains("handshakes_failed_total{") && line.contains("=\"refused\"");
    assert!(gateway.metrics().lines().any(counted));
    assert_eq!(ask("/a").expect("answered").0, 200, "what is in clear goes on");

    authority.start(&[]);
    let first = gateway.await_until("there is a certificate", |gateway| shown(gateway.address()));
    assert_eq!(first, in_file(&gateway));
    let (_, body) = ask("/.well-known/acme-challenge/unknown").expect("answered");
    assert!(
        body.contains("/.well-known/acme-challenge/unknown"),
        "the site's own tokens are the site's: {body}"
    );
    let folder = gateway.path("data/certificates");
    assert_eq!(mode(&folder), 0o700);
    for file in std::fs::read_dir(&folder).expect("there") {
        assert_eq!(mode(&file.expect("there").path()), 0o600);
    }

    // What is there is good: no authority is needed.
    authority.stop();
    gateway.stop();
    gateway.run();
    assert_eq!(shown(gateway.address()), Some(first));
    let figures = |name: &str| format!("{name}{{host=\"{HOST}\"}} 0");
    gateway.await_until("its certificate was looked at", |gateway| {
        gateway.metrics().contains("acme_certificate_ends{").then_some(())
    });
    let metrics = gateway.metrics();
    assert!(["acme_issued_total", "acme_failures_total"].iter().all(|name| metrics.contains(&figures(name))));
}

#[test]
fn an_old_certificate_is_shown_until_it_is_renewed() {
    if !is_there() {
        return;
    }
    let challenges = free();
    let mut authority = Authority::prepare(challenges);
    let mut gateway = Gateway::prepare(&policy(&authority, challenges));
    let mut old = rcgen::CertificateParams::new([HOST.to_owned()]).expect("a name");
    (old.not_before, old.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2020, 4, 1));
    let key = rcgen::KeyPair::generate().expect("a key");
    let old = old.self_signed(&key).expect("signed");
    std::fs::create_dir_all(gateway.path("data/certificates")).expect("made");
    gateway.write(&format!("data/certificates/{HOST}.pem"), &(old.pem() + &key.serialize_pem()));
    gateway.run();
    assert_eq!(shown(gateway.address()).as_ref(), Some(old.der()));
    authority.start(&[]);
    gateway
        .await_until("it is renewed", |gateway| shown(gateway.address()).filter(|shown| shown != old.der()));
}

#[test]
fn an_authority_that_finds_another_answer_issues_nothing() {
    if !is_there() {
        return;
    }
    let challenges = free();
    // It looks where somebody else answers.
    let stranger = Site::start();
    let mut authority = Authority::prepare(stranger.address.port());
    authority.start(&[]);
    let gateway = Gateway::start(&policy(&authority, challenges));
    gateway.await_until("an order failed twice", |gateway| {
        let metrics = gateway.metrics();
        metrics.contains(&format!("acme_failures_total{{host=\"{HOST}\"}} 2")).then_some(())
    });
    assert!(stranger.count() > 0, "the authority looked");
    assert_eq!(shown(gateway.address()), None);
    assert!(!gateway.path(&format!("data/certificates/{HOST}.pem")).exists());
}

#[test]
fn a_broken_file_stops_nothing_and_is_ordered_anew() {
    if !is_there() {
        return;
    }
    let challenges = free();
    let mut authority = Authority::prepare(challenges);
    let mut gateway = Gateway::prepare(&policy(&authority, challenges));
    std::fs::create_dir_all(gateway.path("data/certificates")).expect("made");
    gateway.write(&format!("data/certificates/{HOST}.pem"), "half of a");
    gateway.run();
    assert_eq!(shown(gateway.address()), None);
    authority.start(&[]);
    let first = gateway.await_until("there is a certificate", |gateway| shown(gateway.address()));
    assert_eq!(first, in_file(&gateway));
}

#[test]
fn a_host_is_proved_over_tls_alone_and_the_account_is_bound_to_another() {
    if !is_there() {
        return;
    }
    let encrypted = free();
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let mut authority = Authority::prepare_for(free(), encrypted, Some(key));
    authority.start(&[]);
    let more = ", challenge: tls-alpn-01, external_account: { id: account-7, key: file:bound.key }";
    let mut gateway = Gateway::prepare(&policy_of(&authority, encrypted, free(), more));
    gateway.write("bound.key", "AAAAZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n");
    gateway.run();
    gateway.await_until("an order failed for the wrong key", |gateway| {
        gateway.metrics().contains(&format!("acme_failures_total{{host=\"{HOST}\"}} 1")).then_some(())
    });
    assert_eq!(shown(gateway.address()), None);
    gateway.write("bound.key", &format!("{key}\n"));
    let first = gateway.await_until("there is a certificate", |gateway| shown(gateway.address()));
    assert_eq!(first, in_file(&gateway));
}

/// A gateway that orders nothing shows what another put, to an authority that only comes to it.
fn shown_by_another(challenge: &str) {
    if !is_there() {
        return;
    }
    let redis = crate::redis::Redis::start();
    let (clear, encrypted) = (free(), free());
    let mut authority = Authority::prepare_for(clear, encrypted, None);
    authority.start(&[]);
    let shared = format!(
        "state: {{ server: {{ at: [\"redis://127.0.0.1:{}\"], deadline: 2s }}, on_failure: local }}\n",
        redis.port
    );
    let secret = "of all nodes, longer than thirty-two bytes";
    let mut other = Gateway::prepare(&format!(
        "listen:\n  - 127.0.0.1:{clear}\n  - address: 127.0.0.1:{encrypted}\n    tls: {{ certificate: own.pem, key: own.key \
         }}\nsites:\n  shop: {{ hosts: [{HOST}], upstream: {{ servers: [UPSTREAM] }} }}\n{shared}"
    ));
    let own = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("made");
    other.write("own.pem", &own.cert.pem());
    other.write("own.key", &own.signing_key.serialize_pem());
    other.write("node.secret", secret);
    other.run();
    let more = format!(", challenge: {challenge}");
    let mut gateway = Gateway::prepare(&(policy_of(&authority, free(), free(), &more) + &shared));
    gateway.write("node.secret", secret);
    gateway.run();
    gateway.await_until("there is a certificate", |gateway| shown(gateway.address()));
    let kept = SocketAddr::from(([127, 0, 0, 1], encrypted));
    assert_eq!(shown(kept).as_ref(), Some(own.cert.der()), "its own certificate is shown to everybody else");
}

#[test]
fn any_gateway_on_the_store_answers_the_tokens_of_all() {
    shown_by_another("http-01");
}

#[test]
fn any_gateway_on_the_store_shows_the_certificates_of_all_to_the_authority() {
    shown_by_another("tls-alpn-01");
}
