//! What `portcullis bundle` hands out, and above all what it does not; completions and manual pages.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{Gateway, run_in};

/// Every file of a folder, by name.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path());
    let read = |path: std::path::PathBuf| {
        let mode = std::fs::metadata(&path).expect("known").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is its owner's alone", path.display());
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).expect("text"))
    };
    entries.map(read).collect()
}

#[test]
fn a_bundle_has_the_shape_of_everything_and_names_nobody() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let mut gateway = Gateway::prepare(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:{port}\" }}\n\
         control: {{ socket: control.sock }}\nclient_ip: {{ header: x-forwarded-for, trusted: [203.0.113.0/24] }}\n\
         identity:\n  umbrella-partners: {{ api_key: {{ header: X-Umbrella-Key, keys: \"file:umbrella-keys.yaml\" }} }}\n\
         sites:\n  umbrella-shop:\n    hosts: [shop.umbrella.test, \"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    \
         rules: [{{ name: no-cards, when: 'path == \"/umbrella/4111111111111111\"', action: block }}]\n    \
         limits: [{{ name: umbrella-limit, key: ip, rate: 100/m }}]\n"
    ));
    gateway.write("node.secret", "umbrella secret of all nodes, longer than thirty-two bytes");
    gateway.write("umbrella-keys.yaml", "");
    gateway.run();
    let site = gateway.site.address.to_string();
    for path in ["/umbrella/4111111111111111", "/umbrella/anna@umbrella.test?token=umbrella-token"] {
        gateway.get(path);
    }
    let said = gateway.command(&["bundle", "help"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let files = contents(&gateway.path("help"));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "README.txt",
        "program.json",
        "policy.json",
        "problems.json",
        "doctor.json",
        "status.json",
        "metrics.txt",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    for (name, text) in &files {
        for secret in
            ["umbrella", "4111111111111111", "anna", "203.0.113", "no-cards", "shop.", &site, "node.secret"]
        {
            assert!(!text.to_lowercase().contains(secret), "{secret} in {name}:\n{text}");
        }
    }
    let of =
        |wanted: &str| files.iter().find(|(name, _)| name == wanted).map(|(_, text)| text).expect(wanted);
    for shape in ["\"upstream\"", "\"servers\"", "\"block\"", "\"api_key\"", "\"client_ip\""] {
        assert!(of("policy.json").contains(shape), "{shape} in {}", of("policy.json"));
    }
    assert!(of("metrics.txt").contains("portcullis_exchanges_total{site=\"~"), "{}", of("metrics.txt"));
    assert!(of("status.json").contains("\"sites\": 1"), "{}", of("status.json"));

    let again = gateway.command(&["bundle", "help"]);
    assert_eq!(again.status.code(), Some(1), "what is there is not written over");
}

#[test]
fn a_bundle_of_a_policy_with_mistakes_tells_which() {
    let gateway = Gateway::prepare("listen: nonsense-of-umbrella\nsites: {}\n");
    assert!(gateway.command(&["bundle", "help"]).status.success());
    let files = contents(&gateway.path("help"));
    let problems = files.iter().find(|(name, _)| name == "problems.json").expect("problems");
    assert!(problems.1.contains("\"code\": \"policy."), "{problems:?}");
    assert!(files.iter().all(|(_, text)| !text.contains("umbrella")), "{files:?}");
}

#[test]
fn shells_and_man_know_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef portcullis"), ("fish", "complete -c portcullis")]
    {
        let said = run_in(folder.path(), &["completions", shell]);
        let script = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.status.success() && script.contains(sign), "{shell}: {script}");
        assert!(script.contains("doctor") && script.contains("follow"), "{shell}");
    }
    assert!(run_in(folder.path(), &["man", "pages"]).status.success());
    let page = std::fs::read_to_string(folder.path().join("pages/portcullis-events.1")).expect("a page");
    assert!(page.contains(".TH") && page.contains("follow"), "{page}");
    let pages = std::fs::read_dir(folder.path().join("pages")).expect("listed").count();
    assert!(pages > 20, "{pages} pages");
    assert_eq!(run_in(folder.path(), &["completions", "cmd.exe"]).status.code(), Some(2));
}
