//! What a collector is sent, and one that is busy, silent or away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Instant;

use portcullis_model::Action;
use portcullis_model::event::{Phase, PhaseTiming, UpstreamRecord};
use portcullis_model::trace::{SpanId, TraceId};

use super::*;
use crate::sample::{event, summary};

const PACE: sender::Pace = sender::Pace {
    gather: Duration::from_millis(1),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(5),
    patience: Duration::from_millis(300),
    tries: 3,
};

fn record(sampled: bool) -> TraceRecord {
    TraceRecord {
        id: TraceId::new(0xABC).unwrap(),
        span: SpanId::new(0xDEF).unwrap(),
        parent: SpanId::new(0x123),
        sampled,
        claimed: None,
    }
}

/// A collector: hands over what it was sent, and answers each message as the next of `answers` says, then 200.
/// An empty answer is none.
fn collector(answers: Vec<&'static str>) -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v1/traces", listener.local_addr().expect("bound"));
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answers = answers.into_iter();
        let mut hung_up_on = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let head: Vec<String> =
                reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let length =
                head.iter().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            let mut body = vec![0; length.parse().expect("a number")];
            reader.read_exact(&mut body).expect("a body");
            let body = serde_json::from_slice(&body).expect("JSON");
            if sender.send((head.join("\n"), body)).is_err() {
                return;
            }
            let answer = answers.next().unwrap_or("200 OK\r\ncontent-length: 2\r\n\r\n{}");
            if answer.is_empty() {
                hung_up_on.push(reader);
                continue;
            }
            write!(reader.get_mut(), "HTTP/1.1 {answer}").expect("answered");
        }
    });
    (url, received)
}

fn config(url: &str) -> TracesConfig {
    TracesConfig {
        url: Secret::new(url.to_owned()),
        authorization: Some(Secret::new("Bearer let-me-in".to_owned())),
        trust: Trust::public().expect("roots"),
        service: "edge".to_owned(),
        refusals: Refusals::Always,
        queue: 3,
    }
}

fn until(traces: &Traces, done: impl Fn(&TracesFigures) -> bool) -> TracesFigures {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let figures = traces.spans().figures();
        if done(&figures) {
            return figures;
        }
        assert!(Instant::now() < end, "{figures:?}");
        std::thread::yield_now();
    }
}

/// Holds a message against the JSON form of OTLP: the fields there are, and how ids, numbers and kinds are written.
fn check_shape(message: &Value) -> Vec<&Value> {
    let spans: Vec<&Value> = message["resourceSpans"]
        .as_array()
        .expect("resourceSpans")
        .iter()
        .flat_map(|resource| resource["scopeSpans"].as_array().expect("scopeSpans"))
        .flat_map(|scope| scope["spans"].as_array().expect("spans"))
        .collect();
    let known = [
        "traceId",
        "spanId",
        "parentSpanId",
        "traceState",
        "flags",
        "name",
        "kind",
        "startTimeUnixNano",
        "endTimeUnixNano",
        "attributes",
        "links",
        "status",
    ];
    let hex = |value: &Value, digits: usize| {
        let text = value.as_str().expect("an id");
        assert!(text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    };
    for span in &spans {
        for (name, _) in span.as_object().expect("a span") {
            assert!(known.contains(&name.as_str()), "{name}");
        }
        hex(&span["traceId"], 32);
        hex(&span["spanId"], 16);
        assert!((1..=5).contains(&span["kind"].as_u64().expect("a number")), "{span}");
        let nanos =
            |name: &str| span[name].as_str().expect("64 bits are text").parse::<u64>().expect("a number");
        assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"));
        for attribute in span.get("attributes").and_then(Value::as_array).into_iter().flatten() {
            let value = attribute["value"].as_object().expect("a value");
            let (kind, value) = value.iter().next().expect("one");
            assert!(attribute["key"].is_string());
            assert!(
                match kind.as_str() {
                    "stringValue" | "intValue" => value.is_string(),
                    "arrayValue" => value["values"].is_array(),
                    _ => false,
                },
                "{attribute}"
            );
        }
    }
    spans
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let found = span["attributes"].as_array().expect("attributes").iter().find(|one| one["key"] == name);
    found.map_or(&Value::Null, |one| one["value"].as_object().expect("a value").values().next().expect("one"))
}

#[test]
fn an_exchange_is_told_as_spans() {
    let (url, received) = collector(Vec::new());
    let traces = Traces::start_at(PACE, Some(config(&url))).expect("started");
    let mut told = event(0, 7, Action::Pass);
    told.phases = [(Phase::Head, 100), (Phase::Upstream, 900), (Phase::ResponseBody, 500)]
        .map(|(phase, us)| PhaseTiming { phase, us })
        .to_vec();
    told.upstream = Some(UpstreamRecord {
        server: "http://10.0.0.5:9000".into(),
        attempts: 2,
        status: Some(200),
        ..UpstreamRecord::default()
    });
    traces.spans().offer(&told, &record(true), "vendor=1");
    let (head, message) = received.recv_timeout(Duration::from_secs(30)).expect("told");
    assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
    assert!(
        head.contains("content-type: application/json") && head.contains("authorization: Bearer let-me-in")
    );
    let resource = &message["resourceSpans"][0]["resource"]["attributes"];
    assert_eq!(resource[0], serde_json::json!({ "key": "service.name", "value": { "stringValue": "edge" } }));
    let spans = check_shape(&message);
    let names: Vec<_> =
        spans.iter().map(|span| (span["name"].as_str().unwrap(), span["kind"].as_u64().unwrap())).collect();
    assert_eq!(names, [("GET /plans/{planId}", 2), ("head", 1), ("GET", 3), ("response body", 1)]);
    assert_eq!(spans[0]["parentSpanId"], "0000000000000123");
    assert_eq!((&spans[0]["traceState"], &spans[0]["flags"]), (&"vendor=1".into(), &1.into()));
    assert!(spans[1..].iter().all(|span| span["parentSpanId"] == "0000000000000def"));
    assert_eq!(spans[2]["spanId"], record(true).asking().to_string(), "what servers go on from");
    assert_eq!(attribute(spans[0], "http.route"), "/plans/{planId}");
    assert_eq!(attribute(spans[0], "http.response.status_code"), "200");
    assert_eq!(attribute(spans[2], "http.request.resend_count"), "1");
    let start = |span: &Value| span["startTimeUnixNano"].as_str().unwrap().parse::<u64>().unwrap();
    let offsets: Vec<_> = spans.iter().map(|span| (start(span) - start(spans[0])) / 1000).collect();
    assert_eq!(offsets, [0, 0, 100, 1000]);
    until(&traces, |figures| figures.exported == 1 && figures.failing.is_none());
}

#[test]
fn a_trace_that_is_not_believed_is_linked_to_and_a_refusal_says_why() {
    let claimed = (TraceId::new(5).unwrap(), SpanId::new(6).unwrap());
    let trace = TraceRecord { parent: None, claimed: Some(claimed), ..record(false) };
    let spans = otlp::spans(&event(0, 7, Action::Block), &trace, "");
    assert_eq!(spans[0]["links"], serde_json::json!([{ "traceId": claimed.0, "spanId": claimed.1 }]));
    assert_eq!((spans[0].get("parentSpanId"), &spans[0]["flags"]), (None, &0.into()));
    let reasons = attribute(&spans[0], "portcullis.reasons");
    assert_eq!(reasons["values"][0]["stringValue"], "rules.block");
    assert_eq!(spans[0].get("status"), None, "a refusal is no error of the server");
}

#[test]
fn what_is_told_is_what_is_looked_at_and_refusals_if_so_wanted() {
    let (url, _received) = collector(Vec::new());
    let traces = Traces::start_at(PACE, Some(config(&url))).expect("started");
    let wants = |sampled, action| traces.spans().wants(&record(sampled), &summary(0, 1, action));
    assert_eq!(
        [wants(true, Action::Pass), wants(false, Action::Pass), wants(false, Action::Block)],
        [true, false, true]
    );
    traces.reconfigure(Some(TracesConfig { refusals: Refusals::Sampled, ..config(&url) }));
    let wants = |sampled, action| traces.spans().wants(&record(sampled), &summary(0, 1, action));
    assert_eq!([wants(true, Action::Block), wants(false, Action::Block)], [true, false]);
    traces.reconfigure(None);
    assert!(!traces.spans().wants(&record(true), &summary(0, 1, Action::Pass)));
}

#[test]
fn what_can_be_tried_again_is_and_what_cannot_is_counted() {
    let busy = "503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let (url, received) = collector(vec![
        busy,
        "",
        "200 OK\r\ncontent-length: 0\r\n\r\n",
        "400 Bad\r\ncontent-length: 0\r\n\r\n",
    ]);
    let traces = Traces::start_at(PACE, Some(config(&url))).expect("started");
    traces.spans().offer(&event(0, 1, Action::Pass), &record(true), "");
    // Busy, then silent for longer than it may be, then it takes it.
    let figures = until(&traces, |figures| figures.exported == 1);
    assert_eq!((figures.failed, figures.dropped, figures.failing), (2, 0, None));
    let tries: Vec<Value> = received.try_iter().map(|(_, message)| message).collect();
    assert!(tries.len() == 3 && tries[0] == tries[2]);
    traces.spans().offer(&event(0, 2, Action::Pass), &record(true), "");
    let figures = until(&traces, |figures| figures.dropped == 1);
    assert_eq!((figures.failed, figures.failing.as_deref()), (3, Some("it answered 400")));
}

#[test]
fn spans_a_collector_refuses_of_a_message_are_told() {
    let partial = "200 OK\r\ncontent-length: 68\r\n\r\n\
                   {\"partialSuccess\":{\"rejectedSpans\":\"2\",\"errorMessage\":\"too long ago\"}}";
    let (url, _received) = collector(vec![Box::leak(
        partial
            .replace("68", &(partial.split_once("\r\n\r\n").unwrap().1.len()).to_string())
            .into_boxed_str(),
    )]);
    let traces = Traces::start_at(PACE, Some(config(&url))).expect("started");
    traces.spans().offer(&event(0, 1, Action::Pass), &record(true), "");
    let figures = until(&traces, |figures| figures.failing.is_some());
    assert_eq!(figures.failing.as_deref(), Some("it did not take 2 spans: too long ago"));
}

#[test]
fn a_collector_that_is_away_costs_bounded_memory_and_no_time() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v1/traces", gone.local_addr().expect("bound"));
    drop(gone);
    let pace =
        sender::Pace { first_pause: Duration::from_mins(1), longest_pause: Duration::from_mins(1), ..PACE };
    let traces = Traces::start_at(pace, Some(config(&url))).expect("started");
    let spans = traces.spans();
    spans.offer(&event(0, 0, Action::Pass), &record(true), "");
    until(&traces, |figures| figures.failing.is_some());
    for n in 1..10 {
        spans.offer(&event(0, n, Action::Pass), &record(true), "");
    }
    let figures = spans.figures();
    assert_eq!((figures.waiting, figures.dropped), (3, 6));
    assert!(figures.failing.is_some_and(|why| !why.contains("127.0.0.1")));
    // What is on its way holds the end up for a moment only.
    drop(traces);
}
