//! Servers that are told by PROXY protocol whom a connection is from: byte for byte, and by nginx.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::harness::{Gateway, KeptAlive, PATIENCE, exchange};

fn policy(server: SocketAddr, version: &str, more: &str) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\n\
         client_ip: {{ header: x-forwarded-for, trusted: [127.0.0.1] }}\n\
         sites: {{ shop: {{ hosts: [\"*\"], \
         upstream: {{ servers: [\"http://{server}\"], proxy_protocol: {version}, {more} }} }} }}\n"
    )
}

/// A server that hands over the first `length` bytes of every connection, then answers its requests.
fn server(length: usize) -> (SocketAddr, mpsc::Receiver<(Vec<u8>, SocketAddr)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut first = vec![0; length];
                stream.read_exact(&mut first).ok()?;
                // A line may be longer than the shortest one: up to its end, byte by byte.
                while first.starts_with(b"PROXY") && !first.ends_with(b"\r\n") {
                    let mut one = [0];
                    stream.read_exact(&mut one).ok()?;
                    first.push(one[0]);
                }
                sender.send((first, stream.peer_addr().ok()?)).ok()?;
                answer_all(stream)
            });
        }
    });
    (address, received)
}

fn answer_all(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let head = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).count();
        if head == 0 {
            return None;
        }
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").ok()?;
    }
}

#[test]
fn every_exchange_has_a_connection_that_begins_with_its_client() {
    let (address, received) = server("PROXY UNKNOWN\r\n".len());
    let gateway = Gateway::start(&policy(address, "v1", ""));
    let mut client = KeptAlive::connect(gateway.address()).expect("connected");
    assert_eq!((client.get("/1").expect("answered"), client.get("/2").expect("answered")), (200, 200));
    let listening = gateway.address();
    let [first, second] = [(); 2].map(|()| received.recv_timeout(PATIENCE).expect("told"));
    let text = String::from_utf8(first.0.clone()).expect("text");
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(words[..4], ["PROXY", "TCP4", "127.0.0.1", "127.0.0.1"], "{text}");
    assert_eq!(words[5], format!("{}\r\n", listening.port()));
    assert_ne!(words[4], "0", "the client's own port");
    assert_eq!(first.0, second.0, "one client");
    assert_ne!(first.1, second.1, "two connections");
    // Another client behind a proxy that is trusted: its port is not known.
    let message = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(gateway.address(), message).expect("answered").0, 200);
    let told = String::from_utf8(received.recv_timeout(PATIENCE).expect("told").0).expect("text");
    assert_eq!(told, format!("PROXY TCP4 192.0.2.7 127.0.0.1 0 {}\r\n", listening.port()));
}

#[test]
fn version_2_is_binary_and_checks_are_nobodys() {
    let (address, received) = server(16);
    let gateway = Gateway::start(&policy(address, "v2", "health: { check: tcp, every: 1h }"));
    let (check, _) = received.recv_timeout(PATIENCE).expect("a check");
    assert_eq!(check, b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00");
    drop(gateway);
    let (address, received) = server(28);
    let gateway = Gateway::start(&policy(address, "v2", ""));
    let message = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(gateway.address(), message).expect("answered").0, 200);
    let mut expected = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0C\xC0\0\x02\x07\x7F\0\0\x01\0\0".to_vec();
    expected.extend(gateway.address().port().to_be_bytes());
    assert_eq!(received.recv_timeout(PATIENCE).expect("told").0, expected);
}

/// An nginx that answers with whom it was told a connection is from.
struct Nginx(Child);

impl Nginx {
    fn start(folder: &std::path::Path, address: SocketAddr) -> Self {
        let config = format!(
            "daemon off; master_process off; pid {0}/nginx.pid; error_log stderr; events {{}}\n\
             http {{ access_log off; client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; \
             uwsgi_temp_path {0}/d; scgi_temp_path {0}/e; server {{ listen {address} proxy_protocol; \
             location / {{ return 200 \"$proxy_protocol_addr to $proxy_protocol_server_port\"; }} }} }}\n",
            folder.display()
        );
        std::fs::write(folder.join("nginx.conf"), config).expect("written");
        let file = folder.join("nginx.conf");
        let child =
            Command::new("nginx").args(["-c"]).arg(file).stderr(Stdio::null()).spawn().expect("nginx runs");
        Self(child)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nginx_believes_both_versions() {
    for version in ["v1", "v2"] {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let gateway = Gateway::start(&policy(address, version, "retries: 0"));
        let _nginx = Nginx::start(gateway.folder.path(), address);
        let message =
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 2001:db8::7\r\nConnection: close\r\n\r\n";
        let body = gateway.await_until("nginx answers", |gateway| {
            let (status, body) = exchange(gateway.address(), message).ok()?;
            (status == 200).then_some(body)
        });
        assert_eq!(body, format!("2001:db8::7 to {}", gateway.address().port()), "{version}");
    }
}
