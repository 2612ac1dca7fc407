//! The alert rules and the dashboard that are shipped: valid queries that name only metrics and labels there are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;
use std::path::Path;

use promql_parser::parser::{Expr, LabelModifier};
use promql_parser::util::{ExprVisitor, walk_expr};

use crate::harness::Gateway;
use crate::redis::Redis;

/// Labels that Prometheus adds to what it scrapes.
const PROMETHEUS: [&str; 3] = ["instance", "job", "le"];
fn shipped(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops");
    std::fs::read_to_string(root.join(name)).expect("shipped")
}

/// What a gateway that did everything once shows: each series' name and labels.
fn scraped() -> BTreeMap<String, BTreeSet<String>> {
    let redis = Redis::start();
    let gateway = Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         connections: {{ per_client: 3 }}\nlists: {{ gone: {{ url: \"http://127.0.0.1:9/\" }} }}\nstate: {{ server: {{ at: [\"redis://127.0.0.1:{}\"], deadline: 2s }} }}\n\
         sites: {{ shop: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }}, \
         limits: [{{ name: few, key: ip, rate: 1/h }}] }} }}\n",
        redis.port
    ));
    assert_eq!((gateway.get("/").0, gateway.get("/").0), (200, 429));
    let metrics = gateway.await_until("exchanges and refused connections are counted", |gateway| {
        let _held = [(); 4].map(|()| TcpStream::connect(gateway.address()).expect("it listens"));
        let metrics = gateway.metrics();
        let counted = [
            "portcullis_exchanges_total{",
            "portcullis_connections_refused_total{",
            "portcullis_fetches_total{",
        ];
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

/// What a query selects: each series' name, and the labels it is held against.
#[derive(Default)]
struct Selected(Vec<(String, Vec<String>)>);

impl ExprVisitor for Selected {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            Expr::Aggregate(aggregate) => {
                if let Some(LabelModifier::Include(labels) | LabelModifier::Exclude(labels)) =
                    &aggregate.modifier
                {
                    self.0.push((String::new(), labels.labels.clone()));
                }
                return Ok(true);
            }
            _ => return Ok(true),
        };
        let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone()).collect();
        self.0.push((selector.name.clone().unwrap_or_default(), labels));
        Ok(true)
    }
}

/// Holds a query against the grammar, and what it selects against what there is.
fn check(query: &str, series: &BTreeMap<String, BTreeSet<String>>) {
    let parsed = promql_parser::parser::parse(query).unwrap_or_else(|error| panic!("{error} in {query}"));
    let mut selected = Selected::default();
    let Ok(_) = walk_expr(&mut selected, &parsed);
    let named: Vec<&String> =
        selected.0.iter().map(|(name, _)| name).filter(|name| !name.is_empty()).collect();
    assert!(!named.is_empty(), "{query} names no metric");
    let mut all: BTreeSet<&str> = PROMETHEUS.into_iter().collect();
    let mut is_bare = false;
    for name in named.into_iter().filter(|name| *name != "up") {
        let held = series
            .get(name)
            .unwrap_or_else(|| panic!("there is no {name}, of {query}; there are {:?}", series.keys()));
        all.extend(held.iter().map(String::as_str));
        // Series that a healthy gateway never shows keep their labels to themselves.
        is_bare |= held.is_empty();
    }
    for (name, labels) in &selected.0 {
        let strange: Vec<&String> = labels.iter().filter(|label| !all.contains(label.as_str())).collect();
        assert!(strange.is_empty() || is_bare, "{name} has no {strange:?}, of {query}");
    }
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

#[test]
fn queries_that_are_none_are_noticed() {
    let series =
        BTreeMap::from([("portcullis_exchanges_total".to_owned(), BTreeSet::from(["site".to_owned()]))]);
    let fails = |query: &str| std::panic::catch_unwind(|| check(query, &series)).is_err();
    assert!(!fails("sum by (site) (rate(portcullis_exchanges_total{site=\"a\"}[5m])) > 0.5"));
    for query in [
        "rate(portcullis_exchanges_total)",
        "rate(portcullis_exchanges_total[5m]",
        "ratio(portcullis_exchanges_total[5m])",
        "sum by (sight) (rate(portcullis_exchanges_total[5m]))",
        "portcullis_exchanges_total{sight=\"a\"}",
        "portcullis_exchanges_total > > 1",
    ] {
        assert!(fails(query), "{query}");
    }
}
