//! The alert rules and the dashboard that are shipped: valid queries that name only metrics and labels there are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::path::Path;

use crate::harness::Gateway;
use crate::redis::Redis;

/// Labels that Prometheus adds to what it scrapes.
const PROMETHEUS: [&str; 3] = ["instance", "job", "le"];
/// Functions, operators and words of `PromQL` that the queries use.
const PROMQL: [&str; 9] =
    ["sum", "max", "by", "rate", "histogram_quantile", "or", "and", "label_values", "up"];

fn shipped(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops");
    std::fs::read_to_string(root.join(name)).expect("shipped")
}

/// What a gateway that did everything once shows: each series' name and labels.
fn scraped() -> BTreeMap<String, BTreeSet<String>> {
    let redis = Redis::start();
    let gateway = Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         connections: {{ per_client: 3 }}\nstate: {{ server: {{ at: [\"redis://127.0.0.1:{}\"], deadline: 2s }} }}\n\
         sites: {{ shop: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }}, \
         limits: [{{ name: few, key: ip, rate: 1/h }}] }} }}\n",
        redis.port
    ));
    assert_eq!((gateway.get("/").0, gateway.get("/").0), (200, 429));
    let metrics = gateway.await_until("exchanges and refused connections are counted", |gateway| {
        let _held = [(); 4].map(|()| TcpStream::connect(gateway.address()).expect("it listens"));
        let metrics = gateway.metrics();
        let counted = ["portcullis_exchanges_total{", "portcullis_connections_refused_total{"];
        counted.iter().all(|series| metrics.contains(series)).then_some(metrics)
    });
    let mut series: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in metrics.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').expect("a kind");
            let ending = match kind {
                "counter" => "_total",
                "histogram" => "_bucket",
                _ => "",
            };
            series.entry(format!("{name}{ending}")).or_default();
        } else if let Some((name, rest)) = line.split_once('{') {
            let labels = rest
                .split("\",")
                .filter_map(|label| label.split_once("=\""))
                .map(|(name, _)| name.to_owned());
            series.entry(name.to_owned()).or_default().extend(labels);
        }
    }
    series
}

/// The words of a query outside of strings, durations and numbers.
fn words(query: &str) -> BTreeSet<String> {
    let outside: String = query.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let spaced: String = outside
        .chars()
        .map(|one| if one.is_alphanumeric() || "_$".contains(one) { one } else { ' ' })
        .collect();
    let is_word = |word: &&str| word.starts_with(|one: char| one.is_alphabetic() || one == '_');
    spaced.split_whitespace().filter(is_word).map(str::to_owned).collect()
}

/// Holds a query against what there is.
fn check(query: &str, series: &BTreeMap<String, BTreeSet<String>>) {
    for (open, close) in ["()", "{}", "[]"].map(|pair| pair.split_at(1)) {
        assert_eq!(query.matches(open).count(), query.matches(close).count(), "{open}{close} in {query}");
    }
    let words = words(query);
    let named: Vec<&String> = words.iter().filter(|word| word.starts_with("portcullis_")).collect();
    assert!(!named.is_empty() || words.contains("up"), "{query} names no metric");
    let mut labels: BTreeSet<&str> = PROMETHEUS.into_iter().collect();
    for name in named {
        let held = series
            .get(name)
            .unwrap_or_else(|| panic!("there is no {name}, of {query}; there are {:?}", series.keys()));
        labels.extend(held.iter().map(String::as_str));
    }
    let known =
        |word: &str| word.starts_with("portcullis_") || PROMQL.contains(&word) || labels.contains(word);
    // Series that a healthy gateway never shows keep their labels to themselves.
    let bare = words.iter().any(|word| series.get(word).is_some_and(BTreeSet::is_empty));
    let strange: Vec<&String> = words.iter().filter(|word| !known(word)).collect();
    assert!(strange.is_empty() || bare, "{strange:?} in {query}");
}

#[test]
fn what_is_shipped_for_prometheus_and_grafana_names_only_what_there_is() {
    let series = scraped();
    let rules = shipped("portcullis.rules.yaml").replace(">-\n          ", "").replace("\n          /", " /");
    let exprs: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert!(exprs.len() > 8, "{exprs:?}");
    for expr in &exprs {
        check(expr, &series);
    }
    assert_eq!(rules.matches("remedy: ").count(), exprs.len(), "every alert says what to do");
    assert_eq!(rules.matches("- alert: ").count(), exprs.len());

    let board: serde_json::Value = serde_json::from_str(&shipped("grafana-dashboard.json")).expect("JSON");
    let panels = board["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let queries: Vec<&str> = targets.map(|target| target["expr"].as_str().expect("a query")).collect();
    assert!(queries.len() > 8, "{queries:?}");
    for query in &queries {
        check(&query.replace("$__rate_interval", "5m"), &series);
    }
    let ids: BTreeSet<i64> = panels.iter().filter_map(|panel| panel["id"].as_i64()).collect();
    assert_eq!(ids.len(), panels.len(), "ids of panels differ");
}

#[test]
#[should_panic(expected = "there is no portcullis_made_up_total")]
fn a_metric_there_is_not_is_noticed() {
    let series = BTreeMap::from([("portcullis_exchanges_total".to_owned(), BTreeSet::new())]);
    check("rate(portcullis_made_up_total[5m])", &series);
}
