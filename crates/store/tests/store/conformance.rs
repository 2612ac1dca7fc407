//! The one suite of cases, on each kind of server.

use std::path::Path;
use std::time::Duration;

use portcullis_model::counter::{Answer, Batch, CounterKey, Op, Window};
use portcullis_model::{Secret, Timestamp};
use portcullis_store::server::{Encryption, Servers, TimeFrom};
use portcullis_store::{ServerPlan, ServerStore, Store, conformance};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::redis::{REDIS, Redis, free_port, plan, valkey};

/// Starts of suites: in the middle of a month, and where a leap year's February and a century end.
const STARTS: [&str; 4] =
    ["2026-11-23T04:05:06Z", "2028-02-29T23:00:00Z", "2026-12-31T12:00:00Z", "2100-02-28T01:00:00Z"];

async fn conforms(plan: ServerPlan) {
    let store = ServerStore::start(plan);
    for (salt, start) in STARTS.iter().enumerate() {
        let start = Timestamp::parse(start).unwrap();
        let failures = conformance::run(&store, salt as u128 + 1, start).await;
        assert!(failures.is_empty(), "from {start:?}:\n{}", list(&failures));
    }
}

fn list(failures: &[conformance::Failure]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_single_server_passes_the_suite() {
    let redis = Redis::start(&[]).await;
    conforms(redis.plan()).await;
    let keys = redis.ask(&["--raw", "KEYS", "*"]);
    assert!(keys.lines().count() > 20, "{keys}");
    for key in keys.lines() {
        let left: i64 = redis.ask(&["--raw", "PTTL", key]).trim().parse().unwrap();
        assert_ne!(left, -1, "{key} never expires");
    }
}

#[tokio::test]
async fn a_server_with_a_password_lets_nobody_else_in() {
    let redis = Redis::start(&["--requirepass", "open sesame"]).await;
    let mut plan = redis.plan();
    plan.deadline = Duration::from_secs(5);
    let refused = ServerStore::start(plan.clone());
    let batch = Batch { now: Timestamp::from_micros(0), ops: [take()].into_iter().collect() };
    let failure = refused.apply(&batch).answers().await.unwrap_err();
    assert!(failure.to_string().contains("uthentication"), "{failure}");
    plan.route.credentials.password = Some(Secret::new("open sesame".to_owned()));
    conforms(plan).await;
}

#[tokio::test]
async fn a_server_behind_tls_passes_the_suite_and_a_stranger_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority);
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (certificate, key) = (write("leaf.pem", leaf.unwrap().pem()), write("key.pem", key.serialize_pem()));
    let args = ["--tls-port", "PORT", "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let more = ["--tls-ca-cert-file", &certificate, "--tls-auth-clients", "no"];
    let redis = Redis::start(&[&args[..], &more].concat()).await;
    let mut plan = redis.plan();
    plan.route.encryption = Encryption::Roots(authority.pem().into_bytes());
    conforms(plan.clone()).await;
    let other = CertificateParams::new(Vec::new()).unwrap().self_signed(&KeyPair::generate().unwrap());
    plan.route.encryption = Encryption::Roots(other.unwrap().pem().into_bytes());
    let strict = ServerStore::start(plan);
    let batch = Batch { now: Timestamp::from_micros(0), ops: [take()].into_iter().collect() };
    assert!(strict.apply(&batch).answers().await.is_err());
}

#[tokio::test]
async fn a_cluster_passes_the_suite() {
    cluster_conforms(Path::new(REDIS)).await;
}

#[tokio::test]
async fn a_valkey_server_passes_the_suite() {
    let Some(program) = valkey() else { return };
    let server = Redis::start_program(&program, &[]).await;
    assert!(server.ask(&["INFO", "server"]).contains("valkey_version:"), "it is Valkey");
    conforms(server.plan()).await;
}

#[tokio::test]
async fn a_valkey_cluster_passes_the_suite() {
    if let Some(program) = valkey() {
        cluster_conforms(&program).await;
    }
}

#[tokio::test]
async fn the_server_that_valkeys_sentinels_name_passes_the_suite() {
    if let Some(program) = valkey() {
        sentinel_conforms(&program).await;
    }
}

async fn cluster_conforms(program: &Path) {
    let mut nodes = Vec::new();
    for slots in [["0", "5460"], ["5461", "10922"], ["10923", "16383"]] {
        let node = Redis::start_program(program, &["--cluster-enabled", "yes"]).await;
        assert_eq!(node.ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]).trim(), "OK");
        nodes.push(node);
    }
    let first = nodes[0].port.to_string();
    for (epoch, node) in nodes.iter().enumerate() {
        node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(epoch + 1).to_string()]);
        node.ask(&["CLUSTER", "MEET", "127.0.0.1", &first]);
    }
    let agreed = async {
        while nodes.iter().any(|node| !node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::redis::PATIENCE, agreed).await.expect("the nodes find each other");
    conforms(plan(Servers::Cluster(vec![nodes[1].address()]))).await;
}

#[tokio::test]
async fn the_server_that_sentinels_name_passes_the_suite() {
    sentinel_conforms(Path::new(REDIS)).await;
}

async fn sentinel_conforms(program: &Path) {
    let redis = Redis::start_program(program, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sentinel.conf");
    std::fs::write(&config, format!("sentinel monitor shop 127.0.0.1 {} 1\n", redis.port)).unwrap();
    let (config, port) = (config.display().to_string(), free_port());
    // The file has to come first among the arguments.
    let sentinel = Redis::start_sentinel(program, folder, port, config).await;
    let servers = Servers::Sentinel { sentinels: vec![sentinel.address()], service: "shop".into() };
    conforms(plan(servers)).await;
}

#[tokio::test]
async fn all_nodes_count_by_the_servers_clock() {
    let redis = Redis::start(&[]).await;
    let (ahead, behind) = (ServerStore::start(by_server(&redis)), ServerStore::start(by_server(&redis)));
    let key = CounterKey(77);
    let quota = || Op::Quota { key, window: Window::Rolling(Duration::from_hours(1)), limit: 10, cost: 4 };
    let mut admitted = 0;
    for (store, year) in [(&ahead, 2050), (&behind, 1990), (&ahead, 2050)] {
        let now = Timestamp::parse(&format!("{year}-01-01T00:00:00Z")).unwrap();
        let batch = Batch { now, ops: [quota()].into_iter().collect() };
        let answers = store.apply(&batch).answers().await.unwrap();
        admitted += u64::from(matches!(answers[0], Answer::Quota { admitted: true, .. }));
    }
    assert_eq!(admitted, 2, "nodes whose clocks differ share one window");
}

#[tokio::test]
async fn a_refused_request_counts_on_all_its_limits() {
    let redis = Redis::start(&[]).await;
    let store = ServerStore::start(by_server(&redis));
    let quota = |key, limit| Op::Quota { key: CounterKey(key), window: Window::Day, limit, cost: 1 };
    let batch = |ops: Vec<Op>| Batch { now: Timestamp::from_micros(0), ops: ops.into_iter().collect() };
    let both = batch(vec![quota(1, 0), quota(2, 100)]);
    for _ in 0..3 {
        store.apply(&both).answers().await.unwrap();
    }
    let answers = store.apply(&both).answers().await.unwrap();
    assert!(matches!(answers[0], Answer::Quota { admitted: false, used: 0, .. }), "{answers:?}");
    assert!(matches!(answers[1], Answer::Quota { admitted: true, used: 4, .. }), "{answers:?}");
}

fn by_server(redis: &Redis) -> ServerPlan {
    ServerPlan { time: TimeFrom::Server, ..redis.plan() }
}

pub(crate) fn take() -> Op {
    Op::Take { key: CounterKey(5), rate: 1, per: Duration::from_hours(1), burst: 3, cost: 1 }
}
