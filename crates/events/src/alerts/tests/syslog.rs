//! Syslog as real sockets receive it.

use std::net::UdpSocket;

use rustls::pki_types::PrivateKeyDer;

use super::*;

fn syslog(transport: Transport, address: &str) -> AlertChannel {
    AlertChannel {
        name: "siem".into(),
        target: Target::Syslog { transport, address: address.to_string() },
        wanted: when("true"),
        at_most: None,
    }
}

#[track_caller]
fn check_syslog(message: &str) {
    assert!(message.starts_with("<131>1 "), "{message}");
    assert!(
        message.contains(" - portcullis - shadow_operation [finding@32473 notice=\"1\" news=\"new\" "),
        "{message}"
    );
    assert!(message.contains("subject=\"a\\\"b\\]\""), "{message}");
    assert!(message.ends_with("] \u{feff}\"a\"b]\" ] is seen <0>1 not another message"), "{message}");
}

/// The message behind its length.
#[track_caller]
fn check_counted(text: &str) {
    let (length, message) = text.split_once(' ').unwrap();
    assert_eq!(length.parse(), Ok(message.len()));
    check_syslog(message);
}

/// The next connection, or a failed test: never a test that hangs.
fn accept(listener: &TcpListener) -> TcpStream {
    let (sender, accepted) = channel();
    let listener = listener.try_clone().unwrap();
    std::thread::spawn(move || sender.send(listener.accept().unwrap().0));
    let stream = accepted.recv_timeout(PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn by_udp_it_is_one_datagram_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let socket = UdpSocket::bind(free()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let channel = syslog(Transport::Udp, &socket.local_addr().unwrap().to_string());
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), channel);
    findings.raise(finding("a\"b]", Severity::High));
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).unwrap();
    check_syslog(std::str::from_utf8(&bytes[..length]).unwrap());
}

#[test]
fn by_tcp_it_carries_lengths_and_comes_again_after_a_reset() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind(free()).unwrap();
    let channel = syslog(Transport::Tcp, &listener.local_addr().unwrap().to_string());
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), channel);
    findings.raise(finding("a\"b]", Severity::High));
    // Closed with bytes unread: the other side sees a reset.
    accept(&listener).read_exact(&mut [0]).unwrap();
    let mut text = String::new();
    accept(&listener).read_to_string(&mut text).unwrap();
    check_counted(&text);
}

/// A receiver named `localhost` by an authority of its own, and that authority, PEM.
fn receiver() -> (Arc<rustls::ServerConfig>, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), made.cert.pem())
}

#[test]
fn by_tls_it_is_the_same_for_a_receiver_its_authority_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let (config, authority) = receiver();
    let listener = TcpListener::bind(free()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let trust = Trust::only(authority.as_bytes()).unwrap();
    let channel = syslog(Transport::Tls(trust), &format!("localhost:{port}"));
    let (findings, _keeper, _alerts) = start(&folder.path().join("findings.db"), channel);
    findings.raise(finding("a\"b]", Severity::High));
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut text = String::new();
    rustls::StreamOwned::new(connection, accept(&listener)).read_to_string(&mut text).unwrap();
    check_counted(&text);
}

#[test]
fn by_tls_nothing_is_told_to_one_nobody_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let (config, _) = receiver();
    let (_, another) = receiver();
    let listener = TcpListener::bind(free()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let trust = Trust::only(another.as_bytes()).unwrap();
    let channel = syslog(Transport::Tls(trust), &format!("localhost:{port}"));
    let (findings, _keeper, alerts) = start(&folder.path().join("findings.db"), channel);
    findings.raise(finding("one", Severity::High));
    // The second try says that the first is counted.
    for _ in 0..2 {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut text = String::new();
        let read = rustls::StreamOwned::new(connection, accept(&listener)).read_to_string(&mut text);
        assert!(read.is_err() && text.is_empty(), "{text}");
    }
    let why = alerts.figures()["siem"].failing.clone().unwrap();
    assert!(why.contains("certificate"), "{why}");
}

#[test]
fn authorities_that_are_none_are_refused() {
    for (pem, said) in [("", "it holds none"), ("no certificate", "it holds none")] {
        assert!(Trust::only(pem.as_bytes()).unwrap_err().to_string().contains(said));
    }
}
