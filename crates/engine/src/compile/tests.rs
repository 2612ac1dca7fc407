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
fn databases_that_are_none_are_mistakes() {
    let site = format!("{SITE} }} }}\n");
    assert_eq!(
        check(&format!("geo: {{ country: a.mmdb, asn: gone.mmdb }}\n{site}"), &[("a.mmdb", "nonsense")]),
        ["engine.bad_geo", "engine.unreadable"]
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
        (
            "signature: { keys: { a: { algorithm: hmac-sha256, key: file:k, subject: s } } }",
            &[("k", "thirty-two bytes, not one less of")],
            &[],
        ),
        (
            "signature: { keys: { a: { algorithm: hmac-sha256, key: file:k, subject: s } } }",
            &[("k", "too short")],
            &["engine.signing_key"],
        ),
        (
            "signature: { keys: { a: { algorithm: ed25519, key: file:k, subject: s } } }",
            &[("k", "thirty-two bytes, not one less of")],
            &["engine.signing_key"],
        ),
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

/// So many sites on the same files, and one with a higher level.
fn sites(many: usize) -> String {
    let sites: Vec<String> = (0..many)
        .map(|n| format!("  s{n}: {{ hosts: s{n}.example, upstream: {{ servers: http://127.0.0.1:9000 }}, filter: {{ rules: [builtin, {{ seclang: own.conf }}], threshold: 7 }} }}\n"))
        .collect();
    let strict = "  strict: { hosts: strict.example, upstream: { servers: http://127.0.0.1:9000 }, filter: { level: 3, rules: [builtin, { seclang: own.conf }], threshold: 7 } }\n";
    format!("{HEAD}sites:\n{}{strict}", sites.concat())
}

fn snapshot(sources: &MemorySources, before: Option<&crate::Snapshot>) -> crate::Snapshot {
    let loaded = portcullis_policy::load("portcullis.yaml", sources);
    let policy = loaded.policy.unwrap_or_else(|| panic!("{:#?}", loaded.problems));
    super::compile_after(Arc::new(policy), sources, before).expect("a snapshot").snapshot
}

#[test]
fn rules_are_compiled_once_and_kept_while_their_files_stay() {
    const OWN: &str = "Include more/*.conf\nSecRule ARGS \"@contains evil\" \"id:1,phase:2,deny\"\n";
    let sources = |many, more: &str| {
        MemorySources::new()
            .file("portcullis.yaml", sites(many))
            .file("node.secret", "a secret")
            .file("own.conf", OWN)
            .file("more/a.conf", more.to_owned())
    };
    let rule = "SecRule ARGS \"@contains odd\" \"id:2,phase:2,deny\"\n";
    let first = snapshot(&sources(50, rule), None);
    assert_eq!(first.kept.sizes(), (2, 2));
    let set = |snapshot: &crate::Snapshot| {
        snapshot.sites[0]
            .scope
            .filter
            .as_ref()
            .and_then(|filter| filter.rules.seclang.clone())
            .expect("rules")
    };
    let alone = set(&first).shares();
    assert!(alone >= 50, "fifty sites share one set, {alone}");
    let mut current = snapshot(&sources(50, rule), Some(&first));
    assert!(set(&first).shares() > alone + 50, "the next policy uses the same set");
    for _ in 0..200 {
        current = snapshot(&sources(1, rule), Some(&current));
    }
    current = snapshot(&sources(50, rule), Some(&current));
    drop(first);
    assert!(set(&current).shares() <= alone + 1, "no reload holds on to what was before it");
    let changed = snapshot(&sources(50, &rule.replace("odd", "even")), Some(&current));
    assert_eq!(set(&changed).shares(), alone, "a file that changed is compiled anew");
    let more = sources(50, rule).file("more/b.conf", "SecAction \"id:3,phase:1,pass\"\n");
    assert_eq!(
        set(&snapshot(&more, Some(&current))).len(),
        set(&current).len() + 1,
        "so is a file that is new"
    );
}

#[test]
fn mistakes_in_rule_files_are_told_with_their_place_once() {
    let site = |filter: &str| {
        format!("{SITE}, filter: {filter}, routes: [{{ match: /a, filter: {{ action: monitor }} }}] }} }}\n")
    };
    let broken = "SecRule ARGS \"@contains x\" \"id:1,phase:2,deny\"\nSecRule ARGZ \"@rx (\" \"id:2,phase:2,nonsense\"\n";
    let codes = check(&site("{ rules: [{ seclang: own.conf }] }"), &[("own.conf", broken)]);
    assert!(!codes.is_empty() && codes.iter().all(|code| code.starts_with("seclang.")), "{codes:?}");
    assert_eq!(check(&site("{ rules: [crs] }"), &[])[0], "engine.no_crs");
    assert_eq!(check(&site("off"), &[]), Vec::<&str>::new());
}

#[test]
fn crs_is_found_where_debian_puts_it_or_where_policy_says() {
    let rule = "SecRule ARGS \"@contains evil\" \"id:901,phase:2,deny\"\n";
    let setup = "SecAction \"id:900,phase:1,pass,nolog,setvar:tx.blocking_paranoia_level=3\"\n";
    let sources = |folder: &str, filter: &str| {
        MemorySources::new()
            .file("portcullis.yaml", format!("{HEAD}{SITE}, filter: {filter} }} }}\n"))
            .file("node.secret", "a secret")
            .file(format!("{folder}/rules/REQUEST-901-INITIALIZATION.conf"), rule)
            .file("/etc/modsecurity/crs/crs-setup.conf", setup)
    };
    for (folder, filter) in [
        ("/usr/share/modsecurity-crs", "{ rules: [crs] }"),
        ("opt/crs", "{ rules: [crs], crs: opt/crs }"),
        ("opt/crs", "{ rules: [{ crs: opt/crs }] }"),
    ] {
        let found = snapshot(&sources(folder, filter), None);
        let filter = found.sites[0].scope.filter.as_ref().expect("a filter");
        // What policy says, the setup, the rule.
        assert_eq!(
            filter.rules.seclang.as_ref().map(portcullis_filter::transaction::RuleSet::len),
            Some(3),
            "{folder}"
        );
        assert!(filter.rules.pack.is_none());
    }
}
