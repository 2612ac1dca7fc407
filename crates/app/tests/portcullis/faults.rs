//! What goes wrong around the process: its disk, its archive, its death.

use std::io::{Read, Write};

use crate::harness::Gateway;

const POLICY: &str = "listen: [{ address: \"127.0.0.1:0\" }]\nsites: { s: { hosts: [\"*\"], upstream: { servers: [UPSTREAM] } } }\n";

fn committed(gateway: &Gateway) -> u64 {
    gateway.json(&["top", "--once"])[0]["status"]["recording"]["committed"].as_u64().expect("a count")
}

#[test]
fn what_was_committed_outlives_a_kill() {
    let mut gateway = Gateway::start(POLICY);
    for n in 0..20 {
        assert_eq!(gateway.get(&format!("/customers/{n}")).0, 200);
    }
    gateway.await_until("all are committed", |gateway| (committed(gateway) == 20).then_some(()));
    gateway.kill();
    gateway.run();
    assert_eq!(gateway.json(&["events", "--limit", "100"]).len(), 20);
    assert_eq!(gateway.get("/again").0, 200);
}

#[test]
fn a_stop_writes_down_what_waits_and_finishes_what_runs() {
    let mut gateway = Gateway::start(POLICY);
    for n in 0..50 {
        assert_eq!(gateway.get(&format!("/customers/{n}")).0, 200);
    }
    assert!(gateway.stop().success());
    gateway.run();
    assert_eq!(gateway.json(&["events", "--limit", "100"]).len(), 50);
}

#[test]
fn a_corrupt_archive_is_set_aside_and_serving_goes_on() {
    let gateway = Gateway::prepare(POLICY);
    std::fs::create_dir(gateway.path("data")).expect("made");
    std::fs::write(gateway.path("data/portcullis.db"), vec![0x55; 8192]).expect("written");
    let mut gateway = gateway;
    gateway.run();
    assert_eq!(gateway.get("/customers/1").0, 200);
    gateway.await_until("it is committed to a new file", |gateway| (committed(gateway) == 1).then_some(()));
    let kept = std::fs::read_dir(gateway.path("data")).expect("read").filter_map(Result::ok).any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name != "portcullis.db"
            && name.starts_with("portcullis.db")
            && std::fs::read(entry.path()).is_ok_and(|bytes| bytes[..16] == [0x55; 16])
    });
    assert!(kept, "the damaged file is kept under another name");
}

#[test]
fn an_archive_that_cannot_be_written_stops_nothing_and_is_told() {
    let gateway = Gateway::prepare(POLICY);
    // A folder where the file should be: cannot be opened, whoever runs the test.
    std::fs::create_dir_all(gateway.path("data/portcullis.db")).expect("made");
    let mut gateway = gateway;
    gateway.run();
    for n in 0..10 {
        assert_eq!(gateway.get(&format!("/customers/{n}")).0, 200);
    }
    let status = gateway.await_until("the fault is told", |gateway| {
        let status = gateway.json(&["top", "--once"]).remove(0);
        (status["status"]["recording"]["archive"]["state"] == "failing").then_some(status)
    });
    assert_eq!(status["top"]["exchanges"], 10, "totals are exact all the same");
}

#[test]
fn clients_that_send_garbage_or_hang_up_harm_nobody() {
    let mut gateway = Gateway::start(POLICY);
    for message in [
        &b"\0\0\0\0"[..],
        b"GET",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
    ] {
        let mut stream = std::net::TcpStream::connect(gateway.address()).expect("connected");
        stream.write_all(message).expect("sent");
        drop(stream);
    }
    let mut stream = std::net::TcpStream::connect(gateway.address()).expect("connected");
    stream.write_all(b"NOT HTTP AT ALL\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered and closed");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(gateway.is_running());
    assert_eq!(gateway.get("/customers/1").0, 200);
}

#[test]
fn a_second_gateway_on_the_same_socket_is_refused_and_the_first_goes_on() {
    let mut gateway = Gateway::start(POLICY);
    let second = gateway.command(&["serve"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another gateway"));
    assert!(gateway.is_running());
    assert_eq!(gateway.get("/").0, 200);
    assert!(!gateway.json(&["top", "--once"]).is_empty(), "the control socket is still the first one's");
}
