//! Which of several servers an exchange goes to.

use std::collections::BTreeSet;

use super::server::Server;
use crate::harness::{Gateway, exchange};

fn start(servers: &str, more: &str) -> Gateway {
    Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [{servers}], {more} }}\n"
    ))
}

#[test]
fn servers_get_their_share_by_weight() {
    let [big, small] = ["big", "small"].map(Server::start);
    let gateway = start(&format!("{{ url: \"{}\", weight: 3 }}, {}", big.url(), small.url()), "retries: 0");
    (0..8).for_each(|_| assert_eq!(gateway.get("/").0, 200));
    assert_eq!((big.count(), small.count()), (6, 2));
}

#[test]
fn equal_keys_lead_to_the_same_server() {
    let servers = ["one", "two", "three"].map(Server::start);
    let urls = servers.iter().map(Server::url).collect::<Vec<_>>().join(", ");
    let gateway = start(&urls, "balance: hash, balance_key: headers.x-tenant");
    let ask = |tenant: usize| {
        let request =
            format!("GET / HTTP/1.1\r\nHost: shop.test\r\nX-Tenant: t{tenant}\r\nConnection: close\r\n\r\n");
        let (_, body) = exchange(gateway.address(), &request).expect("answered");
        body.lines().next().unwrap_or_default().to_owned()
    };
    let first: Vec<String> = (0..30).map(ask).collect();
    assert_eq!((0..30).map(ask).collect::<Vec<_>>(), first);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 3, "{first:?}");
    let without: BTreeSet<String> = (0..3).map(|_| gateway.get("/").1).collect();
    assert_eq!(without.len(), 3, "without a key they take turns");
}

#[test]
fn statuses_that_count_as_failures_take_a_server_out() {
    let [one, two] = ["one", "two"].map(Server::start);
    one.answer_with(503);
    let health = "health: { statuses: [503], failures: 2, pause: 1h }";
    let gateway = start(&format!("{}, {}", one.url(), two.url()), health);
    let statuses: Vec<u16> = (0..10).map(|_| gateway.get("/").0).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 2, "{statuses:?}");
    let paused = format!("portcullis_upstream_paused{{site=\"shop\",server=\"{}\"}} 1", one.url());
    assert!(gateway.metrics().contains(&paused));
}

#[test]
fn a_server_that_fails_too_often_is_left_alone_though_not_in_a_row() {
    let [one, two] = ["one", "two"].map(Server::start);
    let health = "health: { statuses: [503], failures: 100, failure_rate: { share: 40%, exchanges: 10, within: 1h }, pause: 1h }";
    let gateway = start(&format!("{}, {}", one.url(), two.url()), health);
    let paused = format!("portcullis_upstream_paused{{site=\"shop\",server=\"{}\"}} 1", one.url());
    // They take turns: of every two exchanges with the one, one fails.
    let failed = (0..40).filter(|turn| {
        one.answer_with(if turn % 4 < 2 { 503 } else { 200 });
        gateway.get("/").0 == 503
    });
    assert!((4..=6).contains(&failed.count()), "until ten exchanges told enough");
    assert!(gateway.metrics().contains(&paused));
}

#[test]
fn a_server_that_comes_back_begins_with_a_small_share() {
    let [one, two] = ["one", "two"].map(Server::start);
    let health = "slow_start: 10h, health: { path: /healthz, every: 20ms, down_after: 1, up_after: 1 }";
    let gateway = start(&format!("{}, {}", one.url(), two.url()), health);
    let line = format!("portcullis_upstream_down{{site=\"shop\",server=\"{}\"}}", one.url());
    for (status, value) in [(500, "1"), (200, "0")] {
        one.answer_with(status);
        let shown = format!("{line} {value}");
        gateway.await_until(&shown, |gateway| gateway.metrics().contains(&shown).then_some(()));
    }
    let by_one = (0..60).filter(|_| gateway.get("/").1.starts_with("one\n")).count();
    assert!(by_one < 20, "{by_one} of 60, a tenth of whose turns it was to get");
}
