//! The access log of the binary itself: its lines, what they hide, its file moved away, a disk without room.

use crate::harness::{Gateway, exchange};

fn policy(log: &str) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\narchive: off\n\
         access_log: {log}\n\
         sites: {{ shop: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }}, \
         rules: [{{ name: closed, when: 'path == \"/closed\"', action: block }}] }} }}\n"
    )
}

/// The lines of the log, once there are so many.
fn lines(gateway: &Gateway, name: &str, count: usize) -> Vec<String> {
    gateway.await_until("the lines are written", |gateway| {
        let text = std::fs::read_to_string(gateway.path(name)).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() >= count && text.ends_with('\n')).then_some(lines)
    })
}

#[test]
fn every_exchange_has_a_line_and_secrets_have_none() {
    let gateway = Gateway::start(&policy("{ to: logs/access.log }"));
    let request = "GET /a?token=c2VjcmV0LXRva2VuLTE&q=1 HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: a \"b\r\n\
                   Referer: https://shop.test/?password=hunter2\r\nConnection: close\r\n\r\n";
    assert_eq!(exchange(gateway.address(), request).expect("answered").0, 200);
    assert_eq!(gateway.get("/closed").0, 403);
    let lines = lines(&gateway, "logs/access.log", 2);
    let served = lines.iter().find(|line| line.contains("/a?")).expect("a line");
    assert!(served.starts_with("127.0.0.1 - - ["), "{served}");
    assert!(served.contains("] \"GET /a?token="), "{served}");
    assert!(served.contains(" HTTP/1.1\" 200 "), "{served}");
    assert!(served.ends_with("\"a \\x22b\""), "{served}");
    assert!(served.contains("https://shop.test/?password="), "{served}");
    for secret in ["c2VjcmV0", "hunter2"] {
        assert!(!lines.concat().contains(secret), "{lines:?}");
    }
    assert!(lines.iter().any(|line| line.contains("\"GET /closed HTTP/1.1\" 403 ")), "{lines:?}");
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew_on_a_signal_and_nothing_is_lost() {
    let gateway =
        Gateway::start(&policy("{ to: access.log, format: '${path} ${status} ${upstream.error}' }"));
    gateway.get("/1");
    assert_eq!(lines(&gateway, "access.log", 1), ["/1 200 -"]);
    std::fs::rename(gateway.path("access.log"), gateway.path("access.log.1")).expect("moved");
    gateway.signal("-HUP");
    gateway.await_until("it is opened anew", |gateway| gateway.path("access.log").exists().then_some(()));
    gateway.get("/2");
    assert_eq!(lines(&gateway, "access.log", 1), ["/2 200 -"]);
    assert_eq!(lines(&gateway, "access.log.1", 1), ["/1 200 -"]);
    // Another format, taken up at once, however much is written beside the policy meanwhile.
    gateway.write_policy(&policy("{ to: other.log, format: json }"));
    let json = gateway.await_until("the new format is in force", |gateway| {
        gateway.get("/3");
        let text = std::fs::read_to_string(gateway.path("other.log")).ok()?;
        text.split_once('\n').map(|(first, _)| first.to_owned())
    });
    let line: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&line["path"], &line["status"]), (&"/3".into(), &200.into()), "{line}");
}

#[test]
fn a_disk_without_room_stops_nothing_and_is_told() {
    let mut gateway = Gateway::start(&policy("{ to: /dev/full }"));
    for n in 0..5 {
        assert_eq!(gateway.get(&format!("/{n}")).0, 200);
    }
    gateway.await_until("it is told", |gateway| {
        gateway.metrics().lines().any(|line| line == "portcullis_access_log_failing 1").then_some(())
    });
    assert!(gateway.stop().success());
}
