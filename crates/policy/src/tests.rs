//! Policies as they are read: defaults, inheritance, phases, folders, secrets.

use portcullis_document::{MemorySources, Problem, Severity, Style, render};

use crate::{BanBy, LimitAction, Loaded, Phase, Policy, Require, RuleAction, load};

/// A site to which a test adds keys.
const SITE: &str = "
listen: 127.0.0.1:8080
lists:
  office: { ranges: [10.0.0.0/8] }
identity:
  customers: { jwt: { jwks: jwks.json, audience: api } }
  partners: { api_key: { header: X-Api-Key, keys: keys.yaml } }
sites:
  shop:
    hosts: shop.example
    upstream: { servers: http://127.0.0.1:9000 }
";

fn read(text: &str) -> Loaded {
    load("portcullis.yaml", &MemorySources::new().file("portcullis.yaml", text.to_owned()))
}

fn policy(text: &str) -> Policy {
    let loaded = read(text);
    let shown = render(&loaded.problems, Style::Plain);
    loaded.policy.unwrap_or_else(|| panic!("{shown}"))
}

/// The site with more keys, each line of them indented as a site's.
fn site(more: &str) -> String {
    let indented: String = more.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    format!("{SITE}{indented}")
}

fn summary(problems: &[Problem]) -> Vec<String> {
    let line = |problem: &Problem| {
        let remedy = problem.remedy.as_deref().unwrap_or("-");
        let place = problem.place.as_ref().map(|place| place.text().lines().next().unwrap_or_default());
        format!("{} at `{}`: {} ({remedy})", problem.severity.as_str(), place.unwrap_or("-"), problem.message)
    };
    problems.iter().map(line).collect()
}

#[test]
fn the_smallest_policy_is_enough() {
    let text = "listen: 127.0.0.1:8080\nsites: { shop: { hosts: a.example, upstream: { servers: 'http://10.0.0.1' } } }";
    let loaded = load("conf/p.yaml", &MemorySources::new().file("conf/p.yaml", text));
    assert!(loaded.problems.is_empty(), "{}", render(&loaded.problems, Style::Plain));
    let policy = loaded.policy.unwrap();
    assert_eq!(policy.archive.unwrap().sqlite.path.path, "conf/data/portcullis.db");
    assert!(policy.metrics.is_none() && policy.client_ip.header.is_none());
    assert_eq!(loaded.files, ["conf/node.secret", "conf/p.yaml"]);
}

#[test]
fn a_route_inherits_what_it_does_not_set() {
    let policy = policy(&site(
        "mode: monitor
body: { hold: 2MiB, deadline: 5s }
limits: [{ name: a, rate: 1/s }]
rules: [{ name: r, when: 'true', tag: 'x:y' }]
routes:
  - { match: GET /health, mode: block, limits: [] }
  - { match: /big/**, body: { hold: 9MiB } }",
    ));
    let site = &policy.sites[0];
    let [health, big] = site.routes.as_slice() else { panic!("two routes") };
    assert_eq!((health.settings.mode.as_str(), big.settings.mode.as_str()), ("block", "monitor"));
    assert_eq!((health.settings.limits.len(), big.settings.limits.len()), (0, 1));
    assert_eq!(big.settings.body.hold.get(), 9 << 20);
    assert_eq!(big.settings.body.deadline.as_secs(), 5);
    assert!(std::sync::Arc::ptr_eq(&big.settings.rules, &site.settings.rules), "lists are shared");
}

#[test]
fn the_filter_is_on_and_a_route_changes_part_of_it() {
    let policy = policy(&format!(
        "{}rule_sets: {{ ours: {{ seclang: own.conf }} }}\n",
        site(
            "filter: { level: 2, rules: [builtin, ours, { crs: crs4 }], exclude: [{ rule: 942100-942199, where: 'query.*' }] }
routes:
  - { match: /health, filter: off }
  - { match: /notes, filter: { threshold: 10, classes: { sqli: monitor } } }",
        )
    ));
    let site = &policy.sites[0];
    let [health, notes] = site.routes.as_slice() else { panic!("two routes") };
    assert!(health.settings.filter.is_none());
    let notes = notes.settings.filter.as_ref().unwrap();
    assert_eq!((notes.level.get(), notes.threshold.get(), notes.rules.len()), (2, 10, 3));
    assert_eq!(notes.classes.of("sqli").as_str(), "monitor");
    assert_eq!(notes.classes.of("xss").as_str(), "block");
    let exclusion = &notes.exclude[0];
    assert_eq!(exclusion.rule, Some(crate::RuleSelector::Numbers(942_100, 942_199)));
    assert!(exclusion.location.as_ref().unwrap().matches("query.q"));
    let smallest = self::policy(SITE);
    let filter = smallest.sites[0].settings.filter.as_ref().unwrap();
    assert!(matches!(filter.rules.as_slice(), [crate::RuleSource::Builtin]));
    assert_eq!((filter.level.get(), filter.action.as_str()), (1, "block"));
}

#[test]
fn rules_run_as_soon_as_all_they_read_is_known() {
    let policy = policy(&format!(
        "{}rules:\n  - {{ name: g, when: 'tag(\"b:late\")', tag: 'g:g' }}\n",
        site(
            "rules:
  - { name: head, when: 'path == \"/x\"', tag: 'a:head' }
  - { name: body, when: 'body.kind == \"x\"', tag: 'b:body' }
  - { name: after, when: 'tag(\"b:body\") && tag(\"a:head\")', tag: 'c:x' }
  - { name: late, when: 'status == 500', tag: 'b:late' }
  - { name: held, when: 'has(response.body.card)', action: { mask: [card.number] } }
  - { name: chain, when: 'tag(\"g:g\")', action: monitor }
limits:
  - { name: failures, rate: 5/min, when: 'status == 401', action: ban }
  - { name: plain, rate: 5/min }"
        )
    ));
    let settings = &policy.sites[0].settings;
    let phases: Vec<(&str, &str)> =
        settings.rules.iter().map(|rule| (&*rule.name, rule.phase.as_str())).collect();
    assert_eq!(
        phases,
        [
            ("head", "head"),
            ("body", "body"),
            ("after", "body"),
            ("late", "response head"),
            ("held", "response body"),
            ("chain", "response head"),
        ]
    );
    assert_eq!(policy.rules[0].phase, Phase::ResponseHead);
    assert_eq!((settings.limits[0].phase, settings.limits[1].phase), (Phase::ResponseHead, Phase::Head));
}

#[test]
fn short_forms_mean_what_they_say() {
    let policy = policy(&site(
        "require: [customers]
limits:
  - { name: l, key: ip, rate: 5/min, action: { ban: 1h } }
  - { name: m, key: [caller, params.id], rate: 5/min, action: ban }
rules:
  - { name: r, when: 'true', action: { redirect: /login } }
  - { name: b, when: 'true', action: { ban: { for: 2h, key: ip } } }",
    ));
    let settings = &policy.sites[0].settings;
    assert!(matches!(&settings.require, Require::Callers(callers) if callers.providers[0].0 == "customers"));
    assert!(matches!(&settings.limits[0].action, LimitAction::Ban(order) if order.by == BanBy::Ip));
    assert!(matches!(&settings.limits[1].action, LimitAction::Ban(order) if order.by == BanBy::Caller));
    assert!(matches!(&settings.rules[0].action, Some(RuleAction::Redirect(to)) if to.status.get() == 302));
    assert!(
        matches!(&settings.rules[1].action, Some(RuleAction::Ban(order)) if order.duration.as_secs() == 7200)
    );
}

#[test]
fn a_folder_is_one_policy() {
    let sources = |second: &str| {
        MemorySources::new()
            .file("conf/a.yaml", SITE)
            .file("conf/b.yaml", second.to_owned())
            .file("conf/keys/keys.yaml", "[]")
            .file("conf/readme.md", "no policy")
    };
    let more =
        "lists:\n  tor: { file: tor.txt }\nrules:\n  - { name: r, when: 'ip in lists.tor', action: block }\n";
    let loaded = load("conf", &sources(more));
    assert!(loaded.problems.is_empty(), "{}", render(&loaded.problems, Style::Plain));
    assert_eq!(loaded.policy.unwrap().lists.len(), 2);
    assert!(loaded.files.contains(&"conf/tor.txt".to_owned()), "{:?}", loaded.files);

    let twice = load("conf", &sources("listen: 127.0.0.1:1\nlists: { office: {} }\n"));
    assert_eq!(summary(&twice.problems).len(), 2);
    assert!(summary(&twice.problems)[0].contains("`listen` is given in two files"));
    assert!(summary(&load("conf", &sources("[]")).problems)[0].contains("no policy"));
}

#[test]
fn json_is_a_policy_too() {
    let text = r#"{ "listen": "127.0.0.1:1",
        "sites": { "a": { "hosts": ["*"], "upstream": { "servers": ["http://10.0.0.1"] } } } }"#;
    let loaded = load("p.json", &MemorySources::new().file("p.json", text));
    assert!(loaded.policy.is_some(), "{}", render(&loaded.problems, Style::Plain));
}

#[test]
fn an_absent_file_is_a_problem() {
    let loaded = load("none.yaml", &MemorySources::new());
    assert_eq!(
        summary(&loaded.problems),
        ["error at `-`: cannot read `none.yaml`: there is no such file (-)"]
    );
    assert_eq!(loaded.files, ["none.yaml"]);
}

#[test]
fn a_secret_in_the_open_is_refused_and_not_shown() {
    for text in [format!("secret: hunter2\n{SITE}"), format!("secret: |\n  hunter2\n{SITE}")] {
        let loaded = read(&text);
        assert_eq!(loaded.problems[0].code, "policy.secret_in_the_open");
        let json: Vec<_> = loaded.problems.iter().map(Problem::to_json).collect();
        let shown = format!("{}{json:?}", render(&loaded.problems, Style::Colour));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

mod explained;
mod mistakes;
