//! Connections that a load balancer announces by the PROXY protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::harness::{Gateway, PATIENCE};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";

fn policy(believed: &str) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\", proxy_protocol: {believed} }}]\n\
         sites:\n  shop: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }} }}\n"
    )
}

/// What comes back on a connection that begins with a header.
fn answer(address: SocketAddr, header: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    // What is not read any more may be lost with the connection.
    let _ = stream.write_all(&[header, GET].concat());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn binary(command: u8) -> Vec<u8> {
    let addresses = [203, 0, 113, 8, 192, 0, 2, 1, 0, 80, 0, 81];
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, 0x11, 0, 12], &addresses].concat()
}

#[test]
fn a_trusted_balancer_says_whom_a_connection_is_from() {
    let gateway = Gateway::start(&policy("[127.0.0.0/8]"));
    for (header, client) in [
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n".to_vec(), "ip:203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 4711 80\r\n".to_vec(), "ip:2001:db8::/64"),
        (binary(0x21), "ip:203.0.113.8"),
        (binary(0x20), "ip:127.0.0.1"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "ip:127.0.0.1"),
    ] {
        let before = gateway.json(&["events", "--limit", "99"]).len();
        let said = answer(gateway.address(), &header);
        assert!(said.starts_with("HTTP/1.1 200 "), "{client}: {said:?}");
        let keys = gateway.await_until("the event is committed", |gateway| {
            let events = gateway.json(&["events", "--limit", "99"]);
            (events.len() > before)
                .then(|| events.iter().map(|event| event["caller"]["key"].to_string()).collect::<Vec<_>>())
        });
        assert!(keys.contains(&format!("\"{client}\"")), "{client} in {keys:?}");
    }
    for header in [&b""[..], b"PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n", b"PROXY TCP4 x", &binary(0x41)] {
        assert_eq!(answer(gateway.address(), header), "", "{header:?}");
    }
}

#[test]
fn nobody_else_is_believed() {
    let gateway = Gateway::start(&policy("[192.0.2.0/24]"));
    let said = answer(gateway.address(), b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n");
    assert!(said.starts_with("HTTP/1.1 400 "), "{said:?}");
    assert!(answer(gateway.address(), b"").starts_with("HTTP/1.1 200 "));
    assert_eq!(gateway.site.count(), 1);
}
