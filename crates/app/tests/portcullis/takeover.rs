//! One process goes on in the place of another, under load, and with everything that can go wrong on the way.

mod activation;
mod load;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Child;

use crate::harness::{Gateway, KeptAlive, PATIENCE};
use load::Load;

const POLICY: &str = r#"
listen: [{ address: "127.0.0.1:0" }]
metrics: { listen: "127.0.0.1:0" }
sites:
  s:
    hosts: ["*"]
    upstream: { servers: [UPSTREAM] }
    rules: [{ name: no-admin, when: 'path.startsWith("/admin")', action: { block: { status: STATUS } } }]
"#;

fn policy(status: u16) -> String {
    POLICY.replace("STATUS", &status.to_string())
}

/// What a process holds while nobody asks anything of it.
#[derive(Clone, Copy, Debug)]
struct Holding {
    files: usize,
    tasks: usize,
    memory_kib: usize,
}

impl Holding {
    fn of(gateway: &Gateway) -> Self {
        let id = gateway.id();
        let files = std::fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").count();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        let memory_kib = memory.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a size");
        let metrics = gateway.metrics();
        let tasks = metrics.lines().find_map(|line| line.strip_prefix("portcullis_tasks ")).expect("counted");
        Self { files, tasks: tasks.parse().expect("a number"), memory_kib }
    }

    /// Waits until no more is held than before, but for what a pool may keep and an allocator not give back.
    fn is_not_exceeded_by(self, gateway: &Gateway) {
        gateway.await_until("nothing more is held than before", |gateway| {
            let now = Self::of(gateway);
            let within = now.files <= self.files + 8
                && now.tasks <= self.tasks + 8
                && now.memory_kib <= self.memory_kib + (32 << 10);
            within.then_some(())
        });
    }
}

/// Reloads and takes over so many times under load.
fn endure(reloads: u16, takeovers: u16) {
    let mut gateway = Gateway::start(&policy(403));
    let reload = |gateway: &Gateway, round: u16| {
        let status = 400 + round % 50;
        gateway.write_policy(&policy(status));
        gateway.await_until("it is in force", |gateway| (gateway.get("/admin").0 == status).then_some(()));
    };
    let load = Load::start(gateway.address());
    (0..5).for_each(|round| reload(&gateway, round));
    load.stop();
    let first = Holding::of(&gateway);

    let load = Load::start(gateway.address());
    (5..reloads).for_each(|round| reload(&gateway, round));
    assert!(load.stop() > 0);
    first.is_not_exceeded_by(&gateway);

    let load = Load::start(gateway.address());
    for round in 0..takeovers {
        let (address, old) = (gateway.address(), gateway.id());
        let before = gateway.take_over();
        assert_eq!(gateway.address(), address, "the very same socket");
        assert_ne!(gateway.id(), old);
        assert_ended_well(before);
        reload(&gateway, round);
    }
    assert!(load.stop() > 0);
    first.is_not_exceeded_by(&gateway);
    let events = gateway.json(&["events", "--limit", "10000", "--where", "status >= 500"]);
    assert_eq!(events.len(), 0, "{:?}", events.first());
}

fn assert_ended_well(mut process: Child) {
    assert!(process.wait().expect("gone").success());
}

#[test]
fn no_request_fails_over_reloads_and_takeovers() {
    endure(20, 3);
}

#[test]
#[ignore = "minutes long: cargo nextest run -p portcullis-app --run-ignored only -E 'test(endures)'"]
fn the_gateway_endures_200_reloads_and_20_takeovers() {
    endure(200, 20);
}

#[test]
fn what_was_banned_and_learned_goes_over() {
    let mut gateway = Gateway::start(&policy(403));
    for n in 0..30 {
        assert_eq!(gateway.get(&format!("/plans/{n}")).0, 200);
    }
    assert!(gateway.command(&["ban", "add", "192.0.2.7", "--for", "10m"]).status.success());
    // Goes on in the old process, and is learned there.
    let mut long = TcpStream::connect(gateway.address()).expect("connected");
    long.set_read_timeout(Some(PATIENCE)).expect("set");
    long.write_all(b"POST /uploads HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 10\r\n\r\nhello")
        .expect("sent");
    gateway.await_until("it is under way", |gateway| {
        gateway.metrics().contains("portcullis_connections_open{listener=\"127.0.0.1:0\"} 1").then_some(())
    });
    let before = gateway.take_over();
    let bans = gateway.json(&["ban", "ls"]);
    assert_eq!(bans[0]["bans"][0]["key"], "ip:192.0.2.7");
    let operations = |gateway: &Gateway| {
        let found = gateway.json(&["api", "ls"]).remove(0);
        let operations = found["operations"].as_array().expect("a list").clone();
        operations.iter().map(|known| known["path"].as_str().expect("a path").to_owned()).collect::<Vec<_>>()
    };
    gateway.await_until("what was learned is there", |gateway| {
        operations(gateway).iter().any(|path| path.starts_with("/plans/{")).then_some(())
    });
    assert!(!operations(&gateway).iter().any(|path| path == "/uploads"));
    // The process before still has it, and nobody else may write the socket's file away.
    long.write_all(b"world").expect("sent");
    let mut answer = String::new();
    long.read_to_string(&mut answer).expect("answered, then closed");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert_ended_well(before);
    gateway.await_until("what the one before learned last is there, too", |gateway| {
        operations(gateway).iter().any(|path| path == "/uploads").then_some(())
    });
    let uploads = gateway.json(&["events", "--where", "path == \"/uploads\""]);
    assert_eq!(uploads.len(), 1, "one archive has the events of both");
    assert!(gateway.stop().success());
    assert!(
        !gateway.path("data/portcullis.sock").exists()
            && !gateway.path("data/portcullis.sock.takeover").exists()
    );
}

#[test]
fn idle_clients_are_told_by_their_next_answer() {
    let mut gateway = Gateway::start(&policy(403));
    let mut idle = KeptAlive::connect(gateway.address()).expect("connected");
    assert_eq!(idle.get("/one").expect("answered"), 200);
    let before = gateway.take_over();
    assert_eq!(idle.get("/two").expect("answered by the one before"), 200);
    assert!(idle.get("/three").is_err(), "that answer said to close");
    assert_ended_well(before);
}

#[test]
fn one_that_does_not_come_up_changes_nothing() {
    let mut gateway = Gateway::start(&policy(403));
    let good = std::fs::read_to_string(gateway.path("portcullis.yaml")).expect("there");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let second = format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}, {{ address: \"{}\" }}]",
        taken.local_addr().expect("bound")
    );
    let elsewhere = good.replace("listen: [{ address: \"127.0.0.1:0\" }]", &second);
    for (bad, says) in [("listen: nonsense\n".to_owned(), "new.yaml:1"), (elsewhere, "cannot listen on")] {
        gateway.write("new.yaml", &bad);
        let output = gateway.command(&["serve", "--takeover", "-c", "new.yaml", "--log", "warn"]);
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(says), "{told}");
        assert!(gateway.is_running());
        assert_eq!(gateway.get("/one").0, 200);
    }
    // What was lent is taken back: bans are written down, policies taken up, and another may take over.
    assert!(gateway.command(&["ban", "add", "192.0.2.7", "--for", "10m"]).status.success());
    assert!(std::fs::read_to_string(gateway.path("data/bans.json")).expect("written").contains("192.0.2.7"));
    gateway.write_policy(&policy(410));
    gateway.await_until("it is in force", |gateway| (gateway.get("/admin").0 == 410).then_some(()));
    assert_ended_well(gateway.take_over());
    assert_eq!(gateway.get("/one").0, 200);
}

#[test]
fn who_asks_wrongly_gets_nothing() {
    let gateway = Gateway::start(&policy(403));
    let place = gateway.path("data/portcullis.sock.takeover");
    assert_eq!(std::fs::metadata(&place).expect("there").permissions().mode() & 0o777, 0o600);
    for asked in [
        "",
        "\n",
        "garbage\n",
        "{\"ask\":{\"protocol\":99,\"process\":1}}\n",
        "{\"serving\":null}\n",
        "\"serving\"\n",
    ] {
        let mut stream = UnixStream::connect(&place).expect("it waits");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.write_all(asked.as_bytes()).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("closed");
        assert!(answer.is_empty() || answer.contains("refused"), "{asked:?} got {answer}");
    }
    // One that asks well, gets the sockets and goes away.
    let mut stream = UnixStream::connect(&place).expect("it waits");
    stream.write_all(b"{\"ask\":{\"protocol\":1,\"process\":1}}\n").expect("sent");
    let mut some = [0; 10];
    stream.read_exact(&mut some).expect("lent");
    drop(stream);
    assert_eq!(gateway.get("/one").0, 200);
    assert!(gateway.command(&["reload"]).status.success(), "and policies are taken up again");
}

#[test]
fn without_one_that_runs_it_starts_as_always() {
    let mut gateway = Gateway::prepare(&policy(403));
    gateway.run_with(&["--takeover"]);
    assert_eq!(gateway.get("/one").0, 200);
    let second = gateway.command(&["serve", "--log", "warn"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("--takeover"), "a second one is told how");
    gateway.write_policy(&format!("{}control: off\n", policy(403)));
    assert_eq!(gateway.command(&["serve", "--takeover"]).status.code(), Some(2));
}
