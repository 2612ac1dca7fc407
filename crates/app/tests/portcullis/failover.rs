//! A server that dies, or is asked to step back, while three gateways are asked without a pause: what their clients
//! see under each policy until Sentinels or a cluster have put another in its place, and that nobody runs it over.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::cluster::figure;
use crate::harness::{Gateway, KeptAlive, PATIENCE};
use crate::redis::Redis;

/// What `on_failure` can say.
const POLICIES: [&str; 3] = ["deny", "allow", "local"];
/// Paths, each of which has a counter of its own.
const PATHS: usize = 30;

/// A gateway whose paths are counted apart, `/once` with a limit that is used up by one request.
fn gateway(servers: &str, on_failure: &str) -> Gateway {
    let mut gateway = Gateway::prepare(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\n\
         metrics: {{ listen: \"127.0.0.1:0\" }}\n\
         state:\n  server: {{ {servers}, deadline: 1s }}\n  on_failure: {on_failure}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    limits:\n      \
         - {{ name: once, when: 'path == \"/once\"', key: ip, rate: 1/90m, burst: 1 }}\n      \
         - {{ name: many, key: path, rate: 1000000/s }}\n"
    ));
    gateway.write("node.secret", "of all nodes, longer than thirty-two bytes");
    gateway.run();
    gateway
}

fn at(servers: &[&Redis]) -> String {
    let listed: Vec<String> =
        servers.iter().map(|server| format!("\"redis://127.0.0.1:{}\"", server.port)).collect();
    format!("at: [{}]", listed.join(", "))
}

/// One client of a gateway that asks without end, path after path, and what it saw.
struct Load {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<BTreeMap<u16, usize>>>,
    client: Option<JoinHandle<()>>,
}

impl Load {
    fn on(gateway: &Gateway) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen: Arc<Mutex<BTreeMap<u16, usize>>> = Arc::default();
        let (stopped, noted, address) = (Arc::clone(&stop), Arc::clone(&seen), gateway.address());
        let client = std::thread::spawn(move || {
            let mut client = KeptAlive::connect(address).expect("it listens");
            for turn in 0.. {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let status = client.get(&format!("/{}", turn % PATHS)).expect("answered");
                *noted.lock().expect("unpoisoned").entry(status).or_default() += 1;
                // There is one machine for all of them.
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self { stop, seen, client: Some(client) }
    }

    fn seen(&self) -> BTreeMap<u16, usize> {
        self.seen.lock().expect("unpoisoned").clone()
    }

    /// Waits until it saw so many more answers of this status.
    fn await_more(&self, status: u16, more: usize) {
        let count = || self.seen().get(&status).copied().unwrap_or_default();
        let (before, end) = (count(), std::time::Instant::now() + PATIENCE);
        while count() < before + more {
            assert!(std::time::Instant::now() < end, "{more} more of {status}: {:?}", self.seen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn end(mut self) -> BTreeMap<u16, usize> {
        self.stop.store(true, Ordering::SeqCst);
        self.client.take().expect("runs").join().expect("was always answered");
        self.seen()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// A gateway for each policy, all of them asked while `fail` happens and until `deny` lets everything pass again.
fn assert_policies_hold(servers: &str, fail: impl FnOnce()) -> Vec<Gateway> {
    let gateways: Vec<Gateway> = POLICIES.iter().map(|policy| gateway(servers, policy)).collect();
    let loads: Vec<Load> = gateways.iter().map(Load::on).collect();
    for load in &loads {
        load.await_more(200, 2 * PATHS);
    }
    fail();
    let [strict, ..] = &loads[..] else { unreachable!("there are three") };
    strict.await_more(503, 1);
    strict.await_more(200, 2 * PATHS);
    gateways[0].await_until("all paths are counted again", |gateway| {
        (0..PATHS).all(|path| gateway.get(&format!("/{path}")).0 == 200).then_some(())
    });
    let before = strict.seen().get(&503).copied();
    strict.await_more(200, 2 * PATHS);
    assert_eq!(strict.seen().get(&503).copied(), before, "it is over");
    let [strict, lenient, local]: [_; 3] =
        loads.into_iter().map(Load::end).collect::<Vec<_>>().try_into().expect("three");
    assert_eq!(strict.keys().copied().collect::<Vec<_>>(), [200, 503], "{strict:?}");
    assert_eq!(lenient.keys().copied().collect::<Vec<_>>(), [200], "{lenient:?}");
    assert_eq!(local.keys().copied().collect::<Vec<_>>(), [200], "{local:?}");
    assert!(figure(&gateways[2], "state_counted_locally_total") > 0);
    for gateway in &gateways {
        let connects = figure(gateway, "state_connects_total");
        assert!((1..=6).contains(&connects), "{connects} connections, where a few do");
    }
    gateways
}

/// A server with a replica, and three Sentinels that know of both and of each other.
struct Watched {
    primary: Redis,
    replica: Redis,
    sentinels: [Redis; 3],
}

impl Watched {
    fn start() -> Self {
        let primary = Redis::start();
        let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
        replica.await_said(&["INFO", "replication"], |said| said.contains("master_link_status:up"));
        let sentinels = [(); 3].map(|()| Redis::start_sentinel(&primary));
        for sentinel in &sentinels {
            sentinel.await_said(&["SENTINEL", "CKQUORUM", "shop"], |said| {
                said.starts_with("OK 3 usable Sentinels")
            });
            let port = replica.port.to_string();
            sentinel.await_said(&["SENTINEL", "REPLICAS", "shop"], |said| {
                said.contains(&port) && said.contains("master-link-status\nok")
            });
        }
        Self { primary, replica, sentinels }
    }

    fn servers(&self) -> String {
        format!("kind: sentinel, service: shop, {}", at(&self.sentinels.each_ref()))
    }

    /// Uses the strict limit up, and waits until the replica has heard of it.
    fn use_up(&self) {
        let gateway = gateway(&self.servers(), "deny");
        assert_eq!((gateway.get("/once").0, gateway.get("/once").0), (200, 429));
        let written = self.primary.figure("master_repl_offset");
        self.replica
            .await_said(&["INFO", "replication"], |_| self.replica.figure("slave_repl_offset") >= written);
    }

    /// What was counted before still counts, and the new server saw few connections.
    fn assert_taken_over(&self, gateways: &[Gateway], connections: u64) {
        for gateway in gateways {
            assert_eq!(gateway.get("/once").0, 429, "what was counted before is kept");
        }
        self.replica.await_said(&["ROLE"], |said| said.starts_with("master"));
        let made = self.replica.figure("total_connections_received") - connections;
        assert!(made < 100, "{made} connections, those of this test and of the Sentinels among them");
    }
}

#[test]
fn sentinels_put_another_server_in_the_place_of_one_that_was_killed() {
    let mut watched = Watched::start();
    watched.use_up();
    let connections = watched.replica.figure("total_connections_received");
    let servers = watched.servers();
    let gateways = assert_policies_hold(&servers, || watched.primary.kill());
    watched.assert_taken_over(&gateways, connections);
}

#[test]
fn a_server_that_sentinels_ask_to_step_back_is_left_for_the_other() {
    let watched = Watched::start();
    watched.use_up();
    let gateway = gateway(&watched.servers(), "deny");
    let load = Load::on(&gateway);
    load.await_more(200, PATHS);
    assert_eq!(watched.sentinels[0].ask(&["SENTINEL", "FAILOVER", "shop"]), "OK");
    watched.primary.await_said(&["ROLE"], |said| said.starts_with("slave"));
    gateway.await_until("it counts at the other", |gateway| {
        (figure(gateway, "state_connects_total") > 1 && gateway.get("/once").0 == 429).then_some(())
    });
    load.await_more(200, PATHS);
    let seen = load.end();
    assert!(seen.keys().all(|status| [200, 503].contains(status)), "{seen:?}");
    watched.replica.await_said(&["ROLE"], |said| said.starts_with("master"));
    assert!(figure(&gateway, "state_connects_total") < 10);
}

/// Three servers that share the slots, each with a replica.
fn cluster() -> [Redis; 6] {
    let args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
    let more = ["--cluster-replica-validity-factor", "0"];
    let nodes = [(); 6].map(|()| Redis::start_with(&[&args[..], &more].concat()));
    let first = nodes[0].port.to_string();
    for (epoch, node) in nodes.iter().enumerate() {
        node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(epoch + 1).to_string()]);
        node.ask(&["CLUSTER", "MEET", "127.0.0.1", &first]);
    }
    for (node, slots) in nodes.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
        assert_eq!(node.ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]), "OK");
    }
    for (primary, replica) in nodes.iter().zip(&nodes[3..]) {
        let id = primary.ask(&["CLUSTER", "MYID"]);
        replica.await_said(&["CLUSTER", "NODES"], |said| said.contains(&id));
        replica.await_said(&["CLUSTER", "REPLICATE", &id], |said| said == "OK");
        replica.await_said(&["INFO", "replication"], |said| said.contains("master_link_status:up"));
    }
    for node in &nodes {
        node.await_said(&["CLUSTER", "INFO"], |said| {
            said.contains("cluster_state:ok") && said.contains("cluster_known_nodes:6")
        });
        node.await_said(&["CLUSTER", "NODES"], |said| said.matches("slave ").count() == 3);
    }
    nodes
}

#[test]
fn a_cluster_puts_a_replica_in_the_place_of_a_primary_that_was_killed() {
    let mut nodes = cluster();
    let servers = format!("kind: cluster, {}", at(&[&nodes[0], &nodes[1]]));
    assert_policies_hold(&servers, || nodes[0].kill());
    nodes[3].await_said(&["ROLE"], |said| said.starts_with("master"));
}
