//! Whole configurations of each kind: the policy, the report, and that the policy loads.

#![allow(clippy::expect_used, clippy::panic, reason = "tests say what they expect")]
#![allow(clippy::disallowed_methods, reason = "fixtures are files")]

use std::path::Path;

use portcullis_document::MemorySources;
use portcullis_migrate::{Dialect, Migration, Options, migrate};

fn sources() -> MemorySources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut sources = MemorySources::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
                sources = sources.file(name, std::fs::read(&path).expect("readable"));
            }
        }
    }
    sources
}

fn options() -> Options {
    Options {
        listen: "127.0.0.1:8080".into(),
        upstream: "http://127.0.0.1:9000".into(),
        anchor: String::new(),
    }
}

fn migrated(dialect: Dialect, files: &[&str], sources: &MemorySources) -> Migration {
    let files: Vec<_> = files.iter().map(|file| (*file).to_owned()).collect();
    let done = migrate(dialect, &files, &options(), sources).expect("migrates");
    let written = sources.clone().file("portcullis.yaml", done.policy.clone());
    let read = portcullis_policy::load("portcullis.yaml", &written);
    let problems: Vec<_> = read.problems.iter().map(ToString::to_string).collect();
    assert!(read.policy.is_some(), "{}\n{}", problems.join("\n"), done.policy);
    done
}

fn told(done: &Migration) -> String {
    let notes: Vec<_> = done.notes.iter().map(|note| format!("{} {note}", note.outcome.as_str())).collect();
    format!("{}\n----\n{}\n", done.policy, notes.join("\n"))
}

fn nginx(text: &str) -> Migration {
    migrated(Dialect::Nginx, &["a.conf"], &MemorySources::new().file("a.conf", text.to_owned()))
}

#[test]
fn a_shop_behind_nginx() {
    let done = migrated(Dialect::Nginx, &["nginx/nginx.conf"], &sources());
    assert!(!told(&done).contains("c2VjcmV0"), "a secret of the source is told");
    insta::assert_snapshot!(told(&done));
}

#[test]
fn a_shop_behind_kong() {
    let done = migrated(Dialect::Kong, &["kong/kong.yaml"], &sources());
    assert!(!told(&done).contains("c2VjcmV0"), "a secret of the source is told");
    insta::assert_snapshot!(told(&done));
}

fn kong(plugin: &str) -> Migration {
    let text = format!(
        "_format_version: '3.0'\nservices:\n- url: http://10.0.0.1:80\n  plugins: [{plugin}]\n  routes: [{{ hosts: [a.test], paths: [/] }}]\n"
    );
    migrated(Dialect::Kong, &["kong.yaml"], &MemorySources::new().file("kong.yaml", text))
}

#[test]
fn plugins_of_kong_that_cannot_be_said_refuse_their_paths() {
    for plugin in [
        "{ name: key-auth }",
        "{ name: acl }",
        "{ name: ours-alone }",
        "{ name: ip-restriction }",
        "{ name: rate-limiting, config: { year: 5 } }",
        "{ name: request-size-limiting, config: { allowed_payload_size: -1 } }",
        "{ name: request-termination, config: { trigger: x } }",
        "{ name: request-size-limiting, _config: small }",
        "{ name: request-size-limiting, protocols: [https] }",
        "{ name: ip-restriction, config: { deny: [192.0.2.1], allow: 10.0.0.0/8 } }",
    ] {
        let done = kong(plugin);
        assert_eq!(done.notes.first().expect("a note").outcome.as_str(), "refused", "{plugin}");
        assert!(done.policy.contains("todo: plugin"), "{plugin}: {}", done.policy);
    }
    for plugin in [
        "{ name: cors }",
        "{ name: key-auth, enabled: false }",
        "{ name: request-size-limiting, protocols: [grpc, grpcs, http, https] }",
    ] {
        assert!(!kong(plugin).policy.contains("todo: plugin"), "{plugin}");
    }
}

#[test]
fn a_plugin_of_some_consumers_takes_no_other_ones_place() {
    let done = kong(
        "{ name: ip-restriction, consumer_group: gold, config: { allow: [10.0.0.0/8] } }, { name: ip-restriction, config: { deny: [192.0.2.0/24] } }",
    );
    assert!(done.policy.contains("192.0.2.0/24") && !done.policy.contains("10.0.0.0/8"), "{}", done.policy);
    let lost = done
        .notes
        .iter()
        .filter(|note| note.outcome.as_str() == "lost" && note.what == "plugin ip-restriction");
    assert_eq!(lost.count(), 1);
}

#[test]
fn what_is_no_configuration_of_kong_is_a_mistake_with_a_place() {
    for (text, expected) in [
        ("services: [", "kong.yaml:1"),
        ("services: []", "there is no `_format_version`"),
        ("[]", "there is no `_format_version`"),
        ("_format_version: '3.0'\nplugins: { name: key-auth }", "kong.yaml:2:10: error: this is a map"),
        (
            "_format_version: '3.0'\nservices: [{ plugins: [x] }]",
            "kong.yaml:2:24: error: this is the text `x`",
        ),
        ("_format_version: '3.0'\nroutes: [{ hosts: a.test }]", "`hosts` is no list of texts"),
        (
            "_format_version: '3.0'\n_info: { defaults: { route: {} } }",
            "kong.yaml:2:10: error: `_info.defaults`",
        ),
        ("_format_version: '3.0'", "there is no route"),
        (
            "_format_version: '3.0'\nroutes: [{ expression: 'true' }]",
            "kong.yaml:2:12: error: routes by expressions",
        ),
    ] {
        let sources = MemorySources::new().file("kong.yaml", text);
        let problems =
            migrate(Dialect::Kong, &["kong.yaml".to_owned()], &options(), &sources).expect_err("wrong");
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(said.join("\n").contains(expected), "{said:?}");
    }
}

#[test]
fn modsecurity_with_own_rules() {
    insta::assert_snapshot!(told(&migrated(Dialect::Modsecurity, &["modsecurity/main.conf"], &sources())));
}

#[test]
fn modsecurity_that_only_detects_or_is_off() {
    for (engine, expected) in
        [("DetectionOnly", "action: monitor"), ("Off", "filter: \"off\""), ("On", "action: block")]
    {
        let sources = MemorySources::new().file("m.conf", format!("SecRuleEngine {engine}\n"));
        assert!(migrated(Dialect::Modsecurity, &["m.conf"], &sources).policy.contains(expected), "{engine}");
    }
}

#[test]
fn what_cannot_be_said_is_refused_and_reported_first() {
    for protection in [
        "auth_request /a",
        "auth_jwt x",
        "auth_ldap x",
        "if ($odd ~ x) { return 403; }",
        "auth_basic x",
        "limit_req zone=none",
        "limit_except GET { deny all; }",
    ] {
        let semicolon = if protection.ends_with('}') { "" } else { ";" };
        let done = nginx(&format!(
            "server {{ location / {{ {protection}{semicolon} proxy_pass http://10.0.0.1; }} }}"
        ));
        let answers = ["status: 403", "status: 503"].iter().any(|answer| done.policy.contains(answer));
        assert!(answers, "{protection}: {}", done.policy);
        if !protection.starts_with("limit_except") {
            let first = done.notes.first().expect("a note");
            assert_eq!(first.outcome.as_str(), "refused", "{protection}");
            assert!(done.policy.contains("todo: "), "{protection}: {}", done.policy);
        }
    }
}

#[test]
fn a_site_is_not_opened_on_other_addresses() {
    let done = nginx(
        "server { listen 80; server_name a.test; location / { proxy_pass http://10.0.0.1; } }\n\
        server { listen 127.0.0.1:81; server_name b.test; location / { proxy_pass http://10.0.0.2; } }",
    );
    assert!(done.policy.contains(r#"when: "!(peer.listener in [\"127.0.0.1:81\"])""#), "{}", done.policy);
}

#[test]
fn hostile_files_are_mistakes_with_a_place() {
    for (text, expected) in [
        ("server {", "a.conf:1:1: error"),
        ("http { }", "there is no `server` block"),
        ("server { include gone.conf; }", "a.conf:1:10: error: cannot read gone.conf"),
    ] {
        let sources = MemorySources::new().file("a.conf", text);
        let problems =
            migrate(Dialect::Nginx, &["a.conf".to_owned()], &options(), &sources).expect_err("wrong");
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert!(said.join("\n").contains(expected), "{said:?}");
    }
}
