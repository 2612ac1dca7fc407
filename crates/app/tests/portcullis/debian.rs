//! OWASP CRS 3.3 as Debian packages it, found by itself, before a real site: attacks, harmless requests, and its three
//! patterns that need look-around or references, each by the id of its rule.
//!
//! `cargo xtask test` installs the package; where it is not there this says so and checks nothing.

#![allow(clippy::print_stderr, reason = "a test says what it left out")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::harness::Gateway;
use crate::reflector::Reflector;

const POLICY: &str = r#"
listen: ["127.0.0.1:0"]
archive: { sqlite: { path: events.db } }
sites:
  any:
    hosts: ["*"]
    upstream: { servers: [UPSTREAM] }
    filter: { rules: [crs], level: 2, responses: [text/html] }
"#;

const UPLOAD: &str =
    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"NAME\"\r\n\r\nx\r\n--b--\r\n";
const MULTIPART: &str = "multipart/form-data; boundary=b";

/// Sends one request as a browser would; the status.
fn send(address: SocketAddr, line: &str, media_type: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let content = match media_type {
        "" => String::new(),
        _ => format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len()),
    };
    let head = format!(
        "{line} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nConnection: close\r\n{content}\r\n"
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let status = String::from_utf8_lossy(answer.get(9..12).expect("a status line")).into_owned();
    status.parse().expect("a status")
}

#[test]
fn crs_of_debian_is_found_and_stands_before_a_site() {
    if !Path::new("/usr/share/modsecurity-crs/rules").exists() {
        eprintln!("skipped: Debian's modsecurity-crs is not installed");
        return;
    }
    let site = Reflector::start();
    let mut gateway = Gateway::prepare(&POLICY.replace("UPSTREAM", &format!("http://{}", site.address)));
    gateway.run();
    let form = "application/x-www-form-urlencoded";
    let page = |text: &str| {
        serde_json::json!({ "status": 200, "headers": { "Content-Type": "text/html" }, "body": text })
            .to_string()
    };
    let upload = |name: &str| UPLOAD.replace("NAME", name);
    for (line, media_type, body, status) in [
        ("GET /?q=harmless", "", String::new(), 200),
        ("POST /", form, "name=Ada&note=see+you+at+5".to_owned(), 200),
        ("POST /", "application/json", "{\"name\":\"Ada\",\"items\":[1,2]}".to_owned(), 200),
        ("POST /", MULTIPART, upload("report.txt"), 200),
        ("GET /?q=1%27%20or%20%27a%27=%27a", "", String::new(), 403),
        ("GET /?q=%3Cscript%3Ealert(1)%3C/script%3E", "", String::new(), 403),
        ("GET /?file=../../../../etc/passwd", "", String::new(), 403),
        ("POST /", form, "cmd=;cat+/etc/passwd".to_owned(), 403),
        ("POST /", "application/json", "{\"q\":\"1 union select password from users\"}".to_owned(), 403),
        // 920120: a semicolon in a file's name, but not that of a reference; at this level 920121 minds that, too.
        ("POST /", MULTIPART, upload("a;b.txt"), 403),
        ("POST /", MULTIPART, upload("M&uuml;ller.txt"), 403),
        // 942130: the same word on both sides.
        ("GET /?q=a%20sounds%20like%20a", "", String::new(), 403),
        ("GET /?q=a%20sounds%20like%20b", "", String::new(), 200),
        // 953120: PHP's tag, and not that of XML.
        ("POST /reflect", "application/json", page("<?php echo 1;"), 403),
        ("POST /reflect", "application/json", page("<?xml version='1.0'?>"), 200),
    ] {
        assert_eq!(send(gateway.address(), line, media_type, &body), status, "{line} {body}");
    }
    for rule in ["920120", "942130", "953120"] {
        let told = || {
            let events = gateway.json(&["events", "--limit", "1000"]);
            events
                .iter()
                .filter(|event| event["reasons"].to_string().contains(&format!("\"{rule}\"")))
                .count()
        };
        // Events are written a moment after their answers; the archive is asked until they are there.
        assert_eq!((0..100).map(|_| told()).find(|told| *told > 0), Some(1), "{rule}");
    }
}
