//! Sessions banned by hand, and exchanges that limits hold, as metrics.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::{BINARY, Gateway, exchange};

const VALUE: &str = "c2VjcmV0LW9mLWFubmE";

fn status(gateway: &Gateway, cookie: &str) -> u16 {
    let request =
        format!("GET / HTTP/1.1\r\nHost: shop.test\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
    exchange(gateway.address(), &request).expect("answered").0
}

/// `portcullis ban` with a value on standard input; how it ended, and all it said.
fn ban(gateway: &Gateway, words: &[&str], value: &str) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.arg("ban").args(words).arg("-c").arg(gateway.path("portcullis.yaml"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    writeln!(child.stdin.take().expect("piped"), "{value}").expect("written");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn a_session_is_banned_by_the_value_of_its_cookie_which_nobody_is_shown() {
    let gateway = Gateway::start(
        "listen: [{ address: \"127.0.0.1:0\" }]\ncontrol: { socket: control.sock }\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n",
    );
    let (session, other) = (format!("theme=dark; sid={VALUE}"), "sid=of-somebody-else".to_owned());
    assert_eq!((status(&gateway, &session), status(&gateway, &other)), (200, 200));
    let (code, said) = ban(&gateway, &["add", "session:sid", "--for", "1h", "--reason", "stolen"], VALUE);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("session:sid/") && !said.contains(VALUE), "{said}");
    assert_eq!((status(&gateway, &session), status(&gateway, &other)), (403, 200));
    let kept = std::fs::read_to_string(gateway.path("bans.json"))
        .or_else(|_| std::fs::read_to_string(gateway.path("data/bans.json")));
    assert!(!kept.unwrap_or_default().contains(VALUE));
    for (words, value, wanted) in [
        (&["add", "session:sid"][..], "", 2),
        (&["add", "session:a b"], VALUE, 2),
        (&["rm", "session:sid"], "another", 1),
        (&["rm", "session:sid"], VALUE, 0),
    ] {
        let (code, said) = ban(&gateway, words, value);
        assert_eq!(code, Some(wanted), "{words:?}: {said}");
        assert!(!said.contains(VALUE), "{said}");
    }
    assert_eq!(status(&gateway, &session), 200);
}

#[test]
fn exchanges_that_a_limit_holds_are_counted_while_it_does() {
    let gateway = Gateway::start(
        "listen: [{ address: \"127.0.0.1:0\" }]\nmetrics: { listen: \"127.0.0.1:0\" }\n\
         control: { socket: control.sock }\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: { servers: [UPSTREAM] }\n    limits:\n      \
         - { name: slow, key: ip, rate: 1/h, action: { delay: { for: 1m, at_once: 1 } } }\n",
    );
    assert!(gateway.metrics().contains("portcullis_delayed 0\n"));
    assert_eq!(gateway.get("/").0, 200);
    let address = gateway.address();
    let held = std::thread::spawn(move || crate::harness::get(address, "/"));
    gateway.await_until("one is held", |gateway| {
        gateway.metrics().contains("portcullis_delayed 1\n").then_some(())
    });
    assert_eq!(gateway.get("/").0, 429, "there is room for one");
    assert!(gateway.metrics().contains("portcullis_not_delayed_total 1\n"));
    drop(gateway);
    // Whatever it was answered, it is over.
    let _ = held.join().expect("no panic");
}
