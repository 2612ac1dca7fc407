//! Servers that are asked whether they are well, and what becomes of those that are not.

use super::server::Server;
use crate::harness::Gateway;

fn policy(servers: &[&Server], health: &str) -> String {
    let servers: Vec<String> = servers.iter().map(|server| server.url()).collect();
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [{}], health: {{ {health} }} }}\n",
        servers.join(", ")
    )
}

fn await_down(gateway: &Gateway, server: &Server, value: &str) {
    let line = format!("portcullis_upstream_down{{site=\"shop\",server=\"{}\"}} {value}", server.url());
    gateway.await_until(&line, |gateway| gateway.metrics().contains(&line).then_some(()));
}

#[test]
fn a_server_that_is_not_well_gets_nothing_until_it_is() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let health = "path: \"/healthz?deep=1\", host: health.test, every: 20ms, down_after: 2, up_after: 2";
    let gateway = Gateway::start(&policy(&[&one, &two], health));
    one.answer_with(503);
    await_down(&gateway, &one, "1");
    for _ in 0..6 {
        assert!(gateway.get("/").1.starts_with("two\n"));
    }
    let status = gateway.json(&["top", "--once"]).remove(0);
    let states: Vec<_> =
        status["status"]["servers"].as_array().expect("servers").iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["down", "up"]);
    let told = String::from_utf8(gateway.command(&["top", "--once"]).stdout).expect("text");
    assert!(told.contains(&format!("! {} of `shop` does not answer its checks", one.url())), "{told}");
    one.answer_with(200);
    await_down(&gateway, &one, "0");
    let answered: Vec<_> = (0..4).map(|_| gateway.get("/").1).collect();
    assert!(answered.iter().any(|body| body.starts_with("one\n")), "{answered:?}");
    let asked = one.last_of("/healthz").expect("it was asked");
    assert!(
        asked.starts_with("GET /healthz?deep=1 HTTP/1.1\r\n") && asked.contains("host: health.test\r\n"),
        "{asked}"
    );
}

#[test]
fn what_a_check_found_outlives_a_reload() {
    let (one, two) = (Server::start("one"), Server::start("two"));
    let gateway = Gateway::start(&policy(&[&one, &two], "path: /healthz, every: 20ms, down_after: 1"));
    one.answer_with(500);
    await_down(&gateway, &one, "1");
    let since = |gateway: &Gateway| gateway.json(&["top", "--once"])[0]["status"]["policy"]["since"].clone();
    let before = since(&gateway);
    gateway.write_policy(&policy(&[&one, &two], "path: /healthz, every: 1h, down_after: 1000"));
    gateway.await_until("the policy is taken up", |gateway| (since(gateway) != before).then_some(()));
    await_down(&gateway, &one, "1");
    assert!((0..4).all(|_| gateway.get("/").1.starts_with("two\n")));
}

#[test]
fn where_all_are_down_policy_decides() {
    for (all_down, status) in [("ask", 200), ("refuse", 503)] {
        let server = Server::start("only");
        let health = format!("path: /healthz, every: 20ms, down_after: 1, all_down: {all_down}");
        let gateway = Gateway::start(&policy(&[&server], &health));
        server.fail_checks();
        await_down(&gateway, &server, "1");
        assert_eq!(gateway.get("/").0, status, "{all_down}");
        let event = gateway
            .await_until("the event is committed", |gateway| gateway.json(&["events", "--limit", "1"]).pop());
        let reason = event["reasons"][0]["code"].as_str();
        assert_eq!(reason, (status == 503).then_some("upstream.all_down"), "{event}");
    }
}

#[test]
fn a_server_that_accepts_no_connection_is_down() {
    let live = Server::start("live");
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("bound")
    };
    let health = "check: tcp, every: 20ms, down_after: 1, failures: 1000";
    let policy = policy(&[&live], health).replace("servers: [", &format!("servers: [http://{gone}, "));
    let gateway = Gateway::start(&policy);
    let line = format!("server=\"http://{gone}\"}}");
    let down = format!("portcullis_upstream_down{{site=\"shop\",{line} 1");
    gateway.await_until(&down, |gateway| gateway.metrics().contains(&down).then_some(()));
    let attempts = |gateway: &Gateway| {
        let text = gateway.metrics();
        let begin = format!("portcullis_upstream_attempts_total{{site=\"shop\",{line} ");
        text.lines().find_map(|line| line.strip_prefix(&begin).map(str::to_owned))
    };
    let before = attempts(&gateway);
    assert!((0..4).all(|_| gateway.get("/").1.starts_with("live\n")));
    assert_eq!(attempts(&gateway), before, "no exchange was tried there");
}
