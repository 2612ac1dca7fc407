//! Every mistake that only the files a policy names can show, and what compiling settles.

use std::sync::Arc;

use portcullis_document::MemorySources;

use super::compile;

const HEAD: &str = "listen: 127.0.0.1:8080\n";
const SITE: &str = "sites: { shop: { hosts: shop.example, upstream: { servers: http://127.0.0.1:9000 }";

/// The codes of all problems, errors and warnings alike.
fn check(policy: &str, files: &[(&str, &str)]) -> Vec<&'static str> {
    let mut sources = MemorySources::new()
        .file("portcullis.yaml", format!("{HEAD}{policy}"))
        .file("node.secret", "a secret");
    for (path, text) in files {
        sources = sources.file(*path, (*text).to_owned());
    }
    let loaded = portcullis_policy::load("portcullis.yaml", &sources);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    let problems = match compile(Arc::new(policy), &sources) {
        Ok(compiled) => compiled.warnings,
        Err(problems) => problems,
    };
    problems.iter().map(|problem| problem.code).collect()
}

#[test]
fn mistakes_in_files_are_reported_all_at_once() {
    let site = format!("{SITE} }} }}\n");
    let lists = "lists: { a: { file: a.txt }, b: { file: gone.txt } }\n";
    assert_eq!(
        check(&format!("{lists}{site}"), &[("a.txt", "10.0.0.1\n10.0.0.256\n\n10.0.0.999/8\n")]),
        ["engine.bad_address", "engine.bad_address", "engine.unreadable"]
    );
}

#[test]
fn keys_that_cannot_verify_are_mistakes() {
    let site = format!("{SITE} }} }}\n");
    for (provider, files, codes) in [
        ("jwt: { jwks: keys.json }", &[("keys.json", "{\"keys\":[]}")][..], &["engine.no_key"][..]),
        ("jwt: { jwks: keys.json }", &[("keys.json", "nonsense")], &["engine.bad_jwks"]),
        ("jwt: { key: file:k, algorithms: [HS256] }", &[("k", "shared\n")], &[]),
        ("jwt: { key: file:k, algorithms: [RS256] }", &[("k", "shared\n")], &["engine.no_key"]),
        ("api_key: { header: X-Key, keys: k.yaml }", &[("k.yaml", "[]")], &[]),
        ("api_key: { header: X-Key, keys: k.yaml }", &[("k.yaml", "3")], &["keys.not_a_list"]),
        ("api_key: { header: X-Key, keys: k.yaml }", &[], &["engine.unreadable"]),
    ] {
        assert_eq!(
            check(&format!("identity: {{ x: {{ {provider} }} }}\n{site}"), files),
            codes,
            "{provider}"
        );
    }
}

#[test]
fn schemes_of_the_contract_are_held_against_the_policy() {
    let contract = "openapi: 3.1.0\ninfo: { title: x, version: '1' }\npaths: {}\ncomponents: { securitySchemes: { bearer: { type: http, scheme: bearer }, other: { type: http, scheme: basic } } }\n";
    let policy = format!(
        "identity: {{ c: {{ mtls: {{}} }} }}\n{SITE}, require: contract, contract: {{ files: [o.yaml], schemes: {{ bearer: c, bearrer: c }} }} }} }}\n"
    );
    let codes = check(&policy, &[("o.yaml", contract)]);
    assert!(
        codes.contains(&"engine.unknown_scheme") && codes.contains(&"engine.unmapped_scheme"),
        "{codes:?}"
    );
}

#[test]
fn a_secret_that_is_not_there_yet_is_a_warning() {
    let sources = MemorySources::new().file("portcullis.yaml", format!("{HEAD}{SITE} }} }}\n"));
    let policy = portcullis_policy::load("portcullis.yaml", &sources).policy.expect("a policy");
    let compiled = compile(Arc::new(policy), &sources).expect("a snapshot");
    let codes: Vec<_> = compiled.warnings.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["engine.no_node_secret"]);
}
