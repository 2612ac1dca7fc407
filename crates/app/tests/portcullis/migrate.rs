//! `portcullis migrate` through the front door: the migrated policy answers as the real nginx does.

#![allow(clippy::print_stderr, reason = "a test says what it left out")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::harness::{BINARY, Gateway, PATIENCE, exchange, run_in};

/// Debian's nginx, stopped when dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound")
}

fn wait_for(address: SocketAddr, what: &str) {
    let end = std::time::Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(address).is_err() {
        assert!(std::time::Instant::now() < end, "{what} does not listen");
        std::thread::yield_now();
    }
}

/// nginx on `address` and `other`, before `site`.
fn configuration(folder: &Path, [address, other]: [SocketAddr; 2], site: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    limit_req_zone $binary_remote_addr zone=slow:1m rate=1r/m;
    limit_req_status 429;
    client_max_body_size 1k;
    server {{
        listen {address};
        server_name shop.test;
        location / {{ proxy_pass http://{site}; }}
        location /api/ {{ proxy_pass http://{site}/v2/; }}
        location = /ping {{ return 200 pong; }}
        location /limited {{ limit_req zone=slow burst=2 nodelay; proxy_pass http://{site}; }}
        location ^~ /admin/ {{ allow 192.0.2.0/24; deny all; proxy_pass http://{site}; }}
        location /open/ {{ deny 192.0.2.0/24; allow all; proxy_pass http://{site}; }}
        location ~* \\.(php|bak)$ {{ return 404; }}
        location /staff/ {{ auth_basic Staff; auth_basic_user_file users; proxy_pass http://{site}; }}
        location /get {{ limit_except GET {{ deny all; }} proxy_pass http://{site}; }}
        location /agent {{ if ($http_user_agent ~* bad) {{ return 403; }} proxy_pass http://{site}; }}
    }}
    server {{ listen {address}; server_name old.test; return 301 http://shop.test$request_uri; }}
    server {{ listen {other}; server_name inside.test; location / {{ proxy_pass http://{site}; }} }}
}}
"
    )
}

fn request(method: &str, host: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
}

/// What is asked of both, and the status both have to answer with.
fn requests() -> Vec<(String, u16)> {
    let shop = |path: &str, status| (request("GET", "shop.test", path, ""), status);
    let anna = "Authorization: Basic YW5uYTpvcGVuIHNlc2FtZQ==\r\n";
    let wrong = "Authorization: Basic YW5uYTp3cm9uZw==\r\n";
    vec![
        shop("/", 200),
        shop("/any/thing?q=1", 200),
        shop("/api/customers/7", 200),
        shop("/api", 301),
        shop("/ping", 200),
        shop("/ping/more", 200),
        shop("/admin/users", 403),
        shop("/admin/x.php", 403),
        shop("/%61dmin/users", 403),
        shop("/any/../admin/users", 403),
        shop("/open/door", 200),
        shop("/x/index.PHP", 404),
        shop("/api/dump.bak", 404),
        shop("/limited", 200),
        shop("/limited/b", 200),
        shop("/limitedly", 200),
        shop("/limited", 429),
        shop("/staff/", 401),
        (request("GET", "shop.test", "/staff/", anna), 200),
        (request("GET", "shop.test", "/staff/", wrong), 401),
        (request("GET", "shop.test", "/get", ""), 200),
        (request("DELETE", "shop.test", "/get", ""), 403),
        (request("GET", "shop.test", "/agent", "User-Agent: a Bad one\r\n"), 403),
        (request("GET", "shop.test", "/agent", "User-Agent: good\r\n"), 200),
        (
            format!("{}{}", request("POST", "shop.test", "/", "Content-Length: 2048\r\n"), "x".repeat(2048)),
            413,
        ),
        (request("GET", "old.test", "/a?b=1", ""), 301),
    ]
}

/// Status, where it leads, and what the site says it was asked.
type Answer = (u16, Option<String>, Option<String>);

fn answer(address: SocketAddr, message: &str) -> Answer {
    let text = crate::harness::exchange_whole(address, message).expect("answered");
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    let location = text.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.trim().replace(&format!(":{}", address.port()), ""))
    });
    let body = text
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .filter(|body| body.starts_with("{\"path\"") || body == "pong");
    (status, location, body)
}

#[test]
fn the_migrated_policy_answers_as_nginx_does() {
    let gateway = Gateway::prepare("");
    let folder = gateway.folder.path();
    let addresses = [free(), free()];
    std::fs::write(
        folder.join("users"),
        "anna:$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n",
    )
    .expect("written");
    std::fs::write(folder.join("nginx.conf"), configuration(folder, addresses, gateway.site.address))
        .expect("written");
    let report =
        gateway.json_of(&["migrate", "nginx", "nginx.conf", "--out", "portcullis.yaml", "--force"], 0);
    assert_eq!(report["check"]["valid"], true, "{report}");
    let expected = requests();
    let theirs = nginx_answers(folder, addresses[0], &expected);
    let mut child = Command::new(BINARY)
        .args(["serve", "--log", "error"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .map(Nginx)
        .expect("the binary starts");
    wait_for(addresses[0], "the gateway");
    for (at, (message, status)) in expected.iter().enumerate() {
        let ours = answer(addresses[0], message);
        assert_eq!(ours.0, *status, "{message}");
        if let Some(theirs) = &theirs {
            assert_eq!(ours, theirs[at], "{message}");
        }
    }
    // A site is not opened on the addresses of others.
    let inside = request("GET", "inside.test", "/", "");
    assert_eq!(exchange(addresses[1], &inside).expect("answered").0, 200);
    assert_eq!(exchange(addresses[0], &inside).expect("answered").0, 404);
    child.0.kill().expect("stopped");
}

/// What the real nginx answers, where it is installed.
fn nginx_answers(folder: &Path, address: SocketAddr, requests: &[(String, u16)]) -> Option<Vec<Answer>> {
    let started = Command::new("/usr/sbin/nginx")
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        eprintln!("skipped: there is no nginx to compare with");
        return None;
    };
    let nginx = Nginx(child);
    wait_for(address, "nginx");
    let answers: Vec<_> = requests.iter().map(|(message, _)| answer(address, message)).collect();
    for ((message, status), (answered, ..)) in requests.iter().zip(&answers) {
        // crypt() here may not know bcrypt: then nginx cannot say who anna is, and there is nothing to compare.
        assert!(answered == status || message.contains("Authorization"), "nginx: {answered} to {message}");
    }
    drop(nginx);
    Some(answers)
}

#[test]
fn modsecurity_rules_go_on_refusing() {
    let mut gateway = Gateway::prepare("");
    gateway.write("main.conf", "SecRuleEngine On\nInclude own.conf\n");
    gateway.write(
        "own.conf",
        "SecRule ARGS \"@contains launch-the-missiles\" \"id:900100,phase:2,deny,status:403\"\n\
         SecRule ARGS \"@contains harmless\" \"id:900101,phase:2,deny,status:403\"\nSecRuleRemoveById 900101\n",
    );
    let site = format!("http://{}", gateway.site.address);
    let arguments = [
        "migrate",
        "modsecurity",
        "main.conf",
        "--listen",
        "127.0.0.1:0",
        "--upstream",
        &site,
        "--out",
        "portcullis.yaml",
    ];
    let refused = gateway.command(&arguments);
    assert_eq!(refused.status.code(), Some(1), "what is there is not replaced unasked");
    let report = gateway.json_of(&[&arguments[..], &["--force"]].concat(), 0);
    assert_eq!(report["check"]["valid"], true, "{report}");
    gateway.run();
    assert_eq!(gateway.get("/?q=launch-the-missiles").0, 403);
    assert_eq!(gateway.get("/?q=harmless").0, 200);
}

#[test]
fn a_broken_file_is_shown_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.conf"), "server {\n  listen 80\n}\n").expect("written");
    let output = run_in(folder.path(), &["migrate", "nginx", "a.conf", "--out", "new/policy.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a.conf:2"), "{output:?}");
    assert!(!folder.path().join("new").exists());
}
