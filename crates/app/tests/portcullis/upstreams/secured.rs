//! Servers that want to see a certificate, under another name than their address.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::PrivateKeyDer;

use crate::harness::Gateway;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.0).expect("a certificate"), key)
    }
}

/// A server that takes only those whom the authority knows, and answers with the name it was asked for.
fn server(authority: &Authority) -> SocketAddr {
    let (certificate, key) = authority.issue("shop.internal");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.0.der().clone()).expect("a root");
    let verifier =
        rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a configuration");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).expect("a session");
            let mut reader = BufReader::new(rustls::StreamOwned::new(session, stream));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|read| read > 0) {}
            let stream = reader.get_mut();
            let body = stream.conn.server_name().unwrap_or("none").to_owned();
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    address
}

#[test]
fn the_gateway_shows_its_certificate_and_asks_for_the_name_policy_gives() {
    let authority = Authority::new();
    let address = server(&authority);
    let tls = |more: &str| {
        format!(
            "listen: [{{ address: \"127.0.0.1:0\" }}]\nsites:\n  shop:\n    hosts: [\"*\"]\n    upstream:\n      \
             servers: [\"https://{address}\"]\n      protocol: http1\n      \
             tls: {{ ca: ca.pem, server_name: shop.internal{more} }}\n"
        )
    };
    let mut gateway = Gateway::prepare(&tls(", certificate: own.pem"));
    let (certificate, key) = authority.issue("gateway.internal");
    gateway.write("ca.pem", &authority.0.pem());
    gateway.write("own.pem", &certificate.pem());
    gateway.write("own.key", "no key at all");
    for (more, said) in [
        (", certificate: own.pem", "the certificate has no key"),
        (", certificate: own.pem, key: own.key", "the upstream's `certificate` and `key` cannot be used"),
    ] {
        gateway.write_policy(&tls(more));
        let output = gateway.command(&["check"]);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        assert!(!output.status.success() && text.contains(said), "{text}");
    }
    gateway.write("own.key", &key.serialize_pem());
    gateway.write_policy(&tls(""));
    gateway.run();
    assert_eq!(gateway.get("/").0, 502, "it takes nobody without a certificate");
    gateway.write_policy(&tls(", certificate: own.pem, key: own.key"));
    let answered = gateway.await_until("the certificate is shown", |gateway| {
        let (status, body) = gateway.get("/");
        (status == 200).then_some(body)
    });
    assert_eq!(answered, "shop.internal");
}
