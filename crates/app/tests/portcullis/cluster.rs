//! Several gateways and one Redis server: what clients see and how many are admitted, also while the server fails.

use std::collections::BTreeMap;

use crate::harness::{Gateway, KeptAlive};
use crate::redis::{Redis, valkey};

/// One of several gateways; the limit gives nothing back while a test lasts. The deadline suits a busy machine.
fn gateway(redis: &Redis, burst: u32, on_failure: &str) -> Gateway {
    gateway_at(redis.port, burst, on_failure, "2s", "")
}

/// The same on a server at this port, that has so long to answer; with more said of it.
pub(crate) fn gateway_at(port: u16, burst: u32, on_failure: &str, deadline: &str, more: &str) -> Gateway {
    let mut gateway = Gateway::prepare(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\n\
         metrics: {{ listen: \"127.0.0.1:0\" }}\n\
         state:\n  server: {{ at: [\"redis://127.0.0.1:{port}\"], deadline: {deadline}{more} }}\n  on_failure: {on_failure}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    limits:\n      \
         - {{ name: shared, key: ip, rate: 1/90m, burst: {burst} }}\n"
    ));
    gateway.write("node.secret", "of all nodes, longer than thirty-two bytes");
    gateway.run();
    gateway
}

/// Sends so many requests to each gateway at once, over two connections each; how many got each status.
pub(crate) fn storm(gateways: &[Gateway], each: usize) -> BTreeMap<u16, usize> {
    let mut seen = BTreeMap::new();
    std::thread::scope(|scope| {
        let clients: Vec<_> = gateways
            .iter()
            .flat_map(|gateway| [gateway.address(); 2])
            .map(|address| {
                scope.spawn(move || {
                    let mut client = KeptAlive::connect(address).expect("it listens");
                    (0..each / 2).map(|_| client.get("/").expect("answered")).collect::<Vec<_>>()
                })
            })
            .collect();
        for client in clients {
            for status in client.join().expect("no client fails") {
                *seen.entry(status).or_default() += 1;
            }
        }
    });
    seen
}

fn three(redis: &Redis, burst: u32) -> Vec<Gateway> {
    (0..3).map(|_| gateway(redis, burst, "deny")).collect()
}

fn admit_exactly(redis: &Redis, requests: usize, burst: u32) {
    let gateways = three(redis, burst);
    let seen = storm(&gateways, requests / 3);
    assert_eq!(seen.get(&200).copied(), Some(burst as usize), "{seen:?}");
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [200, 429], "{seen:?}");
    let reached: usize = gateways.iter().map(|gateway| gateway.site.count()).sum();
    assert_eq!(reached, burst as usize);
}

#[test]
fn three_gateways_admit_exactly_what_one_would() {
    admit_exactly(&Redis::start(), 1_800, 250);
}

#[test]
fn three_gateways_admit_exactly_what_one_would_of_a_hundred_thousand() {
    admit_exactly(&Redis::start(), 100_002, 5_000);
}

#[test]
fn three_gateways_on_a_valkey_server_admit_exactly_what_one_would() {
    let Some(program) = valkey() else { return };
    let redis = Redis::start_other(&program);
    assert!(redis.ask(&["INFO", "server"]).contains("valkey_version:"), "it is Valkey");
    admit_exactly(&redis, 1_800, 250);
}

/// What a metric of a gateway shows.
pub(crate) fn figure(gateway: &Gateway, name: &str) -> u64 {
    let metrics = gateway.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("portcullis_{name} ")));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} in {metrics}"))
}

#[test]
fn gateways_that_take_units_ahead_save_trips_and_admit_no_more_and_hardly_less() {
    let redis = Redis::start();
    let ahead = |_| gateway_at(redis.port, 1_000, "deny", "2s", ", leases: { hold: 10s }");
    let gateways: Vec<Gateway> = (0..3).map(ahead).collect();
    let seen = storm(&gateways, 1_800);
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [200, 429], "{seen:?}");
    let (most, slices) = (1_000, 3 * 50);
    assert!((most - slices..=most).contains(&seen[&200]), "{seen:?}");
    let trips: u64 = gateways.iter().map(|gateway| figure(gateway, "state_answered_total")).sum();
    let saved: u64 = gateways.iter().map(|gateway| figure(gateway, "state_leased_total")).sum();
    assert_eq!(trips + saved, 5_400);
    assert!(trips < 540, "{trips} trips");
}

#[test]
fn a_killed_server_refuses_or_lets_pass_as_written_and_is_found_again() {
    let mut redis = Redis::start();
    let strict = gateway(&redis, 5, "deny");
    let lenient = gateway(&redis, 5, "allow");
    assert_eq!((strict.get("/").0, lenient.get("/").0), (200, 200));
    redis.kill();
    for _ in 0..10 {
        assert_eq!((strict.get("/").0, lenient.get("/").0), (503, 200));
    }
    assert_eq!(strict.site.count(), 1, "nothing reached the site without a verdict");
    redis.revive();
    strict.await_until("the server is found again", |gateway| (gateway.get("/").0 == 200).then_some(()));
    let reason = lenient.await_until("the outage is recorded", |gateway| {
        gateway
            .json(&["events"])
            .iter()
            .find(|event| event.to_string().contains("gateway.store_failed"))
            .cloned()
    });
    assert_eq!(reason["status"].as_u64().or(reason["response"]["status"].as_u64()), Some(200), "{reason}");
}

#[test]
fn a_server_that_is_silent_or_full_is_an_outage_that_ends() {
    let redis = Redis::start();
    let strict = gateway(&redis, 1000, "deny");
    assert_eq!(strict.get("/").0, 200);
    redis.signal("-STOP");
    assert_eq!(strict.get("/").0, 503);
    redis.signal("-CONT");
    assert!(strict.metrics().contains("state_timed_out_total 1"), "{}", strict.metrics());
    strict.await_until("the server answers again", |gateway| (gateway.get("/").0 == 200).then_some(()));
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(strict.get("/").0, 503);
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(strict.get("/").0, 200);
}

#[test]
fn a_gateway_cut_off_counts_by_itself_where_policy_says_so() {
    let mut redis = Redis::start();
    let node = gateway(&redis, 3, "local");
    assert_eq!(node.get("/").0, 200);
    redis.kill();
    let seen: Vec<u16> = (0..5).map(|_| node.get("/").0).collect();
    assert_eq!(seen, [200, 200, 200, 429, 429]);
    assert!(node.metrics().contains("state_counted_locally_total 5"), "{}", node.metrics());
    node.await_until("it is recorded", |gateway| {
        let events = gateway.json(&["events"]);
        (events.iter().filter(|event| event.to_string().contains("gateway.counted_locally")).count() == 5)
            .then_some(())
    });
}

#[test]
fn a_policy_whose_server_has_no_password_is_refused_with_its_place() {
    let gateway = Gateway::prepare(
        "listen: [{ address: \"127.0.0.1:0\" }]\n\
         state: { server: { at: ['rediss://127.0.0.1:1'], user: me, password: env:NOT_SET_ANYWHERE, ca: none.pem } }\n\
         sites: { s: { hosts: [\"*\"], upstream: { servers: [UPSTREAM] } } }",
    );
    let said = gateway.command(&["check"]);
    assert!(!said.status.success());
    let text = String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
    assert!(text.contains("none.pem") && text.contains("portcullis.yaml:2"), "{text}");
}

#[test]
fn leases_that_would_starve_other_gateways_are_refused_with_their_place() {
    for (wrong, said) in
        [("share: 60%", "half of it at most"), ("share: 0%", "half of it"), ("hold: 1m", "10 seconds")]
    {
        let gateway = Gateway::prepare(&format!(
            "state: {{ server: {{ at: ['redis://127.0.0.1:1'], leases: {{ {wrong} }} }} }}\n\
             sites: {{ s: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }} }} }}",
        ));
        let output = gateway.command(&["check"]);
        let text =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success() && text.contains(said) && text.contains("portcullis.yaml:1"),
            "{text}"
        );
    }
}

#[test]
fn a_policy_for_outages_of_a_server_there_is_not_is_told() {
    let gateway = Gateway::prepare(
        "state: { on_failure: local }\n\
         sites: { s: { hosts: [\"*\"], upstream: { servers: [UPSTREAM] } } }",
    );
    let said = gateway.command(&["check"]);
    let text = String::from_utf8_lossy(&said.stderr).into_owned() + &String::from_utf8_lossy(&said.stdout);
    assert!(
        text.contains("counters in memory can always be had") && text.contains("portcullis.yaml:1"),
        "{text}"
    );
}
