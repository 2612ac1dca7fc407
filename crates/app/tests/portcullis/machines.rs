//! Callers with client certificates, one of which is taken back on one of two gateways.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::harness::{Gateway, PATIENCE};
use crate::redis::Redis;

/// Who vouches for the gateways and for the machines.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
struct Vouched {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut made = CertificateParams::new(Vec::new()).expect("no names");
        made.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(made, KeyPair::generate().expect("a key")).expect("signed"))
    }

    fn vouch(&self, name: &str) -> Vouched {
        let made = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        Vouched { certificate: made.signed_by(&key, &self.0).expect("signed"), key }
    }
}

impl Vouched {
    /// As `openssl x509 -outform der | sha256sum` tells it.
    fn sha256(&self) -> String {
        let mut sum = Command::new("sha256sum")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("coreutils are installed");
        sum.stdin.take().expect("piped").write_all(self.certificate.der()).expect("written");
        let said = sum.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&said.stdout).split(' ').next().expect("a sum").to_owned()
    }
}

fn gateway(redis: &Redis, authority: &Authority) -> Gateway {
    let mut gateway = Gateway::prepare(&format!(
        "listen:\n  - {{ address: \"127.0.0.1:0\", tls: {{ certificate: site.pem, key: site.key, client_ca: ca.pem }} }}\n\
         control: {{ socket: control.sock }}\n\
         state:\n  server: {{ at: [\"redis://127.0.0.1:{}\"], deadline: 2s }}\n\
         identity:\n  machines: {{ mtls: {{ subject: san_dns }} }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    require: [machines]\n",
        redis.port
    ));
    let site = authority.vouch("shop.test");
    gateway.write("node.secret", "of all nodes, longer than thirty-two bytes");
    gateway.write("ca.pem", &authority.0.pem());
    gateway.write("site.pem", &site.certificate.pem());
    gateway.write("site.key", &site.key.serialize_pem());
    gateway.run();
    gateway
}

type Connection = StreamOwned<ClientConnection, TcpStream>;

/// A connection that shows this machine's certificate.
fn connect(address: SocketAddr, authority: &Authority, machine: &Vouched) -> Connection {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.0.der().to_vec())).expect("an authority");
    let key = PrivateKeyDer::try_from(machine.key.serialize_der()).expect("a key");
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![machine.certificate.der().clone()], key)
        .expect("a configuration");
    let name = "shop.test".try_into().expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    StreamOwned::new(session, stream)
}

/// One GET over a connection that stays: the status.
fn get(connection: &mut Connection) -> u16 {
    connection.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n").expect("asked");
    let mut answer = String::new();
    let mut bytes = [0; 4096];
    loop {
        let count = connection.read(&mut bytes).expect("answered");
        answer.push_str(&String::from_utf8_lossy(&bytes[..count]));
        let whole = answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let mut lines = head.lines().map(str::to_ascii_lowercase);
            let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            body.len() >= length.unwrap_or(0)
        });
        if whole || count == 0 {
            return answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        }
    }
}

#[test]
fn a_certificate_taken_back_on_one_gateway_proves_nothing_on_any_also_where_it_is_connected() {
    let redis = Redis::start();
    let authority = Authority::new();
    let gateways = [gateway(&redis, &authority), gateway(&redis, &authority)];
    let [one, other] = &gateways;
    let (lost, kept) = (authority.vouch("pump-1.test"), authority.vouch("pump-2.test"));
    let fresh = |gateway: &Gateway, machine| get(&mut connect(gateway.address(), &authority, machine));
    let mut standing = connect(other.address(), &authority, &lost);
    assert_eq!(get(&mut standing), 200);
    for gateway in &gateways {
        assert_eq!((fresh(gateway, &lost), fresh(gateway, &kept)), (200, 200));
    }

    let said = one.command(&["revoke", "certificate", &lost.sha256(), "--reason", "stolen"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(fresh(one, &lost), 403, "at once where it was said");
    other.await_until("the other has heard", |other| (fresh(other, &lost) == 403).then_some(()));
    let mut still = connect(other.address(), &authority, &kept);
    assert_eq!(get(&mut still), 200, "another machine");
    // The handshake was before; the certificate is looked at anew for every request.
    assert_ne!(get(&mut standing), 200);

    let said = other.command(&["revoke", "rm", &format!("certificate:{}", lost.sha256())]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    one.await_until("it is given back", |one| (fresh(one, &lost) == 200).then_some(()));
}
