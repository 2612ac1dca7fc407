//! OWASP CRS 3.3 as Debian packages it, found by itself, before a real site: attacks, harmless requests, and its three
//! patterns that need look-around or references, each by the id of its rule.
//!
//! `cargo xtask test` installs the package; where it is not there this says so and checks nothing.

#![allow(clippy::print_stderr, reason = "a test says what it left out")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::harness::Gateway;

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

/// A site whose pages tell too much, or look as if they did.
struct Site {
    address: SocketAddr,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || Self::serve(&stream));
            }
        });
        Self { address }
    }

    /// Answers one request; its body is read to its end, so that closing is no reset.
    fn serve(mut stream: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        lines.read_line(&mut first).ok()?;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).ok()?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut Read::take(&mut lines, length), &mut std::io::sink()).ok()?;
        let page = match first.split(' ').nth(1)? {
            "/php" => "<?php echo 1;",
            "/xml" => "<?xml version='1.0'?>",
            _ => "<p>fine</p>",
        };
        let length = page.len();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{page}").ok()
    }
}

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
    let site = Site::start();
    let mut gateway = Gateway::prepare(&POLICY.replace("UPSTREAM", &format!("http://{}", site.address)));
    gateway.run();
    let form = "application/x-www-form-urlencoded";
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
        // 953120: PHP's tag, and not that of XML, in the answer.
        ("GET /php", "", String::new(), 403),
        ("GET /xml", "", String::new(), 200),
    ] {
        assert_eq!(send(gateway.address(), line, media_type, &body), status, "{line} {body}");
    }
    for rule in ["920120", "942130", "953120"] {
        let told = || {
            let events = gateway.json(&["events", "--limit", "1000"]);
            events.iter().any(|event| event["reasons"].to_string().contains(&format!("\"{rule}\"")))
        };
        // Events are written a moment after their answers; the archive is asked until they are there.
        assert!((0..100).any(|_| told()), "{rule} is not told of");
    }
}
