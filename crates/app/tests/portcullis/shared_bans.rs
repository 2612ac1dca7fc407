//! Bans of several gateways on one Redis server: set on one, in force on all, whatever happens to the wires.

use portcullis_model::Timestamp;

use crate::harness::{Gateway, run_in};
use crate::redis::{Redis, Wire, old_server};

fn policy(port: u16) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\n\
         metrics: {{ listen: \"127.0.0.1:0\" }}\n\
         control: {{ socket: control.sock }}\n\
         state:\n  server: {{ at: [\"redis://127.0.0.1:{port}\"], deadline: 2s }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    limits:\n      \
         - {{ name: few, key: ip, when: 'path == \"/few\"', rate: 1/h, action: {{ ban: 1h }} }}\n    \
         rules:\n      - {{ name: trap, when: 'path == \"/trap\"', action: {{ ban: {{ for: 1s, up_to: 1h }} }} }}\n"
    )
}

fn gateway(port: u16) -> Gateway {
    let mut gateway = Gateway::prepare(&policy(port));
    gateway.write("node.secret", "of all nodes, longer than thirty-two bytes");
    gateway.run();
    gateway
}

fn until(gateway: &Gateway, status: u16) {
    gateway
        .await_until(&format!("it answers {status}"), |gateway| (gateway.get("/").0 == status).then_some(()));
}

fn ban(gateway: &Gateway, words: &[&str]) {
    let said = gateway.command(&[&["ban"], words].concat());
    assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn what_one_gateway_bans_every_gateway_refuses_until_it_is_lifted_on_any() {
    let redis = Redis::start();
    let gateways: Vec<Gateway> = (0..3).map(|_| gateway(redis.port)).collect();
    let [one, other, third] = gateways.as_slice() else { panic!("three") };
    ban(one, &["add", "127.0.0.1", "--for", "1h", "--reason", "scraped"]);
    until(other, 403);
    until(third, 403);
    let listed = third.json(&["ban", "ls"]);
    assert_eq!(listed[0]["bans"][0]["reason"], "scraped", "{listed:?}");
    ban(other, &["rm", "127.0.0.1"]);
    until(one, 200);
    until(third, 200);
    assert!(third.metrics().contains("state_listening 1"), "{}", third.metrics());

    assert_eq!((third.get("/few").0, third.get("/few").0), (200, 403));
    until(one, 403);
    ban(one, &["rm", "127.0.0.1", "--site", "shop"]);
    for gateway in [other, third] {
        until(gateway, 200);
    }
    assert_eq!(other.get("/few").0, 403, "above the limit still");
    assert_eq!(other.get("/").0, 200, "what a person lifted is not set again, on whichever gateway");
}

#[test]
fn a_gateway_that_was_cut_off_is_as_the_others_once_it_is_back() {
    let redis = Redis::start();
    let wire = Wire::to(redis.port);
    let (there, away) = (gateway(redis.port), gateway(wire.port));
    ban(&there, &["add", "198.51.100.7", "--for", "1h"]);
    ban(&there, &["add", "127.0.0.1", "--for", "1h"]);
    until(&away, 403);
    wire.cut();
    ban(&there, &["rm", "127.0.0.1"]);
    ban(&away, &["add", "198.51.100.8", "--for", "1h"]);
    ban(&away, &["rm", "198.51.100.7"]);
    until(&there, 200);
    assert_eq!(away.get("/").0, 403, "it has not heard");
    away.await_until("it notices", |away| away.metrics().contains("state_listening 0").then_some(()));
    wire.mend();
    until(&away, 200);
    for gateway in [&there, &away] {
        gateway.await_until("they agree", |gateway| {
            let listed = gateway.json(&["ban", "ls"]);
            let bans = listed[0]["bans"].as_array()?;
            (bans.len() == 1 && bans[0]["key"] == "ip:198.51.100.8").then_some(())
        });
    }
}

#[test]
fn a_gateway_that_was_restarted_tells_an_emptied_server_what_it_had_written_down() {
    let mut redis = Redis::start();
    let mut one = gateway(redis.port);
    ban(&one, &["add", "127.0.0.1", "--for", "1h"]);
    assert!(one.stop().success());
    redis.kill();
    redis.revive();
    let other = gateway(redis.port);
    assert_eq!(other.get("/").0, 200, "nobody told it");
    one.run();
    until(&other, 403);
}

#[test]
fn who_is_banned_again_on_another_gateway_is_banned_for_longer() {
    let redis = Redis::start();
    let (one, other) = (gateway(redis.port), gateway(redis.port));
    for (gateway, lasts) in [(&one, 1), (&other, 2), (&one, 4)] {
        assert_eq!(gateway.get("/trap").0, 403);
        for node in [&one, &other] {
            node.await_until(&format!("it knows of {lasts} s"), |node| {
                let kept = std::fs::read_to_string(node.path("data/bans.json")).ok()?;
                let kept: serde_json::Value = serde_json::from_str(&kept).ok()?;
                let time = |name: &str| Timestamp::parse(kept["before"][0][name].as_str()?);
                (time("until")?.since(time("since")?).as_secs() == lasts).then_some(())
            });
        }
        until(&one, 200);
        until(&other, 200);
    }
}

#[test]
fn a_server_that_is_too_old_is_refused_at_the_start() {
    let gateway = Gateway::prepare(&policy(old_server("6.2.14")));
    let said = run_in(gateway.folder.path(), &["serve"]);
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success());
    assert!(text.contains("it is Redis 6.2.14; Redis 7 or newer is needed"), "{text}");
}
