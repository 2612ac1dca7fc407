//! The challenge in a real browser: headless Chromium, where there is one.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Gateway, PATIENCE};

const POLICY: &str = "
listen: [{ address: \"127.0.0.1:0\" }]
metrics: { listen: \"127.0.0.1:0\" }
secret: file:node.secret
archive: { sqlite: { path: data/archive.db } }
control: { socket: data/portcullis.sock }
sites:
  shop:
    hosts: [\"*\"]
    upstream: { servers: [UPSTREAM] }
    challenge: { difficulty: 10 }
    rules: [{ name: crowd, when: 'path.startsWith(\"/search\")', action: challenge }]
";

/// What stands on the page a browser ends on. The time it gives scripts is its own, not the clock's.
fn page(chromium: &str, gateway: &Gateway, profile: &Path, path: &str) -> String {
    let mut command = Command::new("timeout");
    command.arg(PATIENCE.as_secs().to_string()).arg(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--virtual-time-budget=60000",
        "--dump-dom",
    ]);
    command.arg(format!("--user-data-dir={}", profile.display()));
    command.arg(format!("http://{}{path}", gateway.address()));
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_browser_solves_the_puzzle_and_is_let_in_with_its_pass() {
    let Ok(chromium) = std::env::var("PORTCULLIS_CHROMIUM") else {
        eprintln!(
            "skipped: PORTCULLIS_CHROMIUM names no browser; `cargo xtask test` installs one where it can"
        );
        return;
    };
    let gateway = Gateway::start(POLICY);
    let profile = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let found = page(&chromium, &gateway, profile.path(), "/search?q=1");
        assert!(found.contains("{\"path\":\"/search?q=1\"}"), "not the site's own answer: {found}");
    }
    let events = gateway.json(&["events", "--where", "path == \"/search\""]);
    let text: Vec<String> = events.iter().map(ToString::to_string).collect();
    let count = |what: &str| text.iter().filter(|event| event.contains(what)).count();
    // Asked once: the second time it had its pass.
    assert_eq!((count("\"action\":\"challenge\""), count("challenge:passed")), (1, 2), "{text:#?}");
}
