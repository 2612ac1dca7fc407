//! Traces through the front door: what servers and the collector are told, whom the gateway believes, exemplars.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::harness::{Gateway, exchange_whole};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// Takes requests and keeps head and body of each; answers 200.
struct Receiver {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let keeping = Arc::clone(&keeping);
                std::thread::spawn(move || take(stream, &keeping));
            }
        });
        Self { address, taken }
    }

    fn all(&self) -> Vec<(String, String)> {
        self.taken.lock().expect("whole").clone()
    }
}

fn take(stream: TcpStream, taken: &Mutex<Vec<(String, String)>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let head: Vec<String> =
            reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        if head.is_empty() {
            return;
        }
        let head = head.join("\n").to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        taken.lock().expect("whole").push((head, String::from_utf8_lossy(&body).into_owned()));
        if reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").is_err() {
            return;
        }
    }
}

fn gateway(collector: SocketAddr, site: &Receiver, more: &str) -> Gateway {
    Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         client_ip: {{ header: x-forwarded-for, trusted: [127.0.0.1] }}\n\
         tracing: {{ otlp: {{ url: \"http://{collector}/v1/traces\" }}, {more} }}\n\
         sites: {{ shop: {{ hosts: [\"*\"], upstream: {{ servers: [\"http://{}\"] }}, \
         rules: [{{ name: closed, when: 'path == \"/closed\"', action: block }}] }} }}\n",
        site.address
    ))
}

fn ask(gateway: &Gateway, path: &str, fields: &str) -> String {
    let message = format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\n{fields}Connection: close\r\n\r\n");
    exchange_whole(gateway.address(), &message).expect("answered")
}

/// Every span the collector took.
fn spans(collector: &Receiver) -> Vec<Value> {
    let messages = collector.all().into_iter().map(|(_, body)| serde_json::from_str(&body).expect("JSON"));
    messages
        .flat_map(|message: Value| {
            message["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone()
        })
        .collect()
}

fn field(head: &str, name: &str) -> Vec<String> {
    head.lines().filter_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned())).collect()
}

#[test]
fn a_trace_goes_on_from_whom_is_believed_to_the_server_and_the_collector() {
    let (collector, site) = (Receiver::start(), Receiver::start());
    let gateway = gateway(collector.address, &site, "sample: 0%");
    let sent = format!("traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: vendor=1\r\n");
    assert!(ask(&gateway, "/a", &sent).starts_with("HTTP/1.1 200"));
    let (head, _) = site.all().remove(0);
    let told = field(&head, "traceparent");
    let parts: Vec<&str> = told[0].split('-').collect();
    assert_eq!((told.len(), parts[0], parts[1], parts[3]), (1, "00", TRACE, "01"), "{head}");
    assert_ne!(parts[2], SPAN);
    assert_eq!(field(&head, "tracestate"), ["vendor=1"]);
    let spans = gateway.await_until("the collector has them", |_| {
        let spans = spans(&collector);
        (!spans.is_empty()).then_some(spans)
    });
    let server = spans.iter().find(|span| span["kind"] == 2).expect("the exchange");
    assert_eq!((&server["traceId"], &server["parentSpanId"]), (&TRACE.into(), &SPAN.into()));
    let client = spans.iter().find(|span| span["kind"] == 3).expect("the upstream's part");
    assert_eq!((&client["spanId"], &client["parentSpanId"]), (&parts[2].into(), &server["spanId"]));
    let event = gateway.await_until("the event names it", |gateway| {
        gateway.json(&["events", "--where", &format!("trace == \"{TRACE}\"")]).pop()
    });
    assert_eq!(event["trace"]["span"], server["spanId"]);
    // What is slow leads to its trace, for those who can read that.
    let scrape = |accept: &str| {
        let asked = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{accept}Connection: close\r\n\r\n");
        exchange_whole(gateway.metrics_address(), &asked).expect("answered")
    };
    assert!(
        scrape("Accept: application/openmetrics-text; version=1.0.0\r\n")
            .contains(&format!("# {{trace_id=\"{TRACE}\"}}"))
    );
    assert!(!scrape("Accept: text/plain\r\n").contains("trace_id"));
}

#[test]
fn without_a_readable_parent_a_trace_begins_here_and_refusals_are_told() {
    let (collector, site) = (Receiver::start(), Receiver::start());
    let gateway = gateway(collector.address, &site, "sample: 0%");
    let broken = format!("traceparent: 00-{TRACE}-{SPAN}-01-x\r\ntracestate: vendor=1\r\n");
    assert!(ask(&gateway, "/a", &broken).starts_with("HTTP/1.1 200"));
    let (head, _) = site.all().remove(0);
    let told = field(&head, "traceparent");
    assert!(told.len() == 1 && told[0].ends_with("-00") && !told[0].contains(TRACE), "{head}");
    assert!(field(&head, "tracestate").is_empty(), "{head}");
    let refused = ask(&gateway, "/closed", "");
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    let spans = gateway.await_until("the refusal is told", |_| {
        let spans = spans(&collector);
        (!spans.is_empty()).then_some(spans)
    });
    assert!(spans.iter().all(|span| span["flags"] == 0), "{spans:?}");
    let server: Vec<&Value> = spans.iter().filter(|span| span["kind"] == 2).collect();
    assert_eq!(server.len(), 1, "the other one is not looked at: {spans:?}");
    let event = gateway.await_until("its event names it", |gateway| {
        gateway.json(&["events", "--where", "verdict == \"block\""]).pop()
    });
    assert_eq!(event["trace"]["id"], server[0]["traceId"]);
}

#[test]
fn nobody_is_believed_and_no_server_told_where_policy_says_so() {
    let (collector, site) = (Receiver::start(), Receiver::start());
    let gateway = gateway(collector.address, &site, "sample: 100%, parents: nobody, propagate: false");
    ask(&gateway, "/a", &format!("traceparent: 00-{TRACE}-{SPAN}-01\r\ntracestate: vendor=1\r\n"));
    let (head, _) = site.all().remove(0);
    assert!(!head.contains("traceparent") && !head.contains("tracestate"), "{head}");
    let spans = gateway.await_until("the collector has them", |_| {
        let spans = spans(&collector);
        (!spans.is_empty()).then_some(spans)
    });
    let server = spans.iter().find(|span| span["kind"] == 2).expect("the exchange");
    assert_eq!(server["links"], serde_json::json!([{ "traceId": TRACE, "spanId": SPAN }]));
    assert_ne!(server["traceId"], TRACE);
}

#[test]
fn a_collector_that_is_away_or_hangs_holds_nothing_up_and_is_told() {
    let site = Receiver::start();
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    for (collector, is_told) in
        [("127.0.0.1:9".parse().expect("an address"), true), (silent.local_addr().expect("bound"), false)]
    {
        let mut gateway = gateway(collector, &site, "sample: 100%");
        for _ in 0..20 {
            assert!(ask(&gateway, "/a", "").starts_with("HTTP/1.1 200"));
        }
        if is_told {
            gateway.await_until("it is told", |gateway| {
                gateway.metrics().lines().any(|line| line == "portcullis_traces_failing 1").then_some(())
            });
        }
        assert!(gateway.stop().success());
    }
}
