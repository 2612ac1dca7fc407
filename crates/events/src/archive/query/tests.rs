//! Questions to a real archive, answered by SQL and by condition alike.

use std::time::Duration;

use portcullis_model::event::{IdentityRecord, UpstreamRecord};
use portcullis_model::exchange::TlsFacts;
use portcullis_model::trace::{SpanId, TraceId, TraceRecord};
use portcullis_model::{Action, Cause, Proof, Tag, Timestamp};

use super::*;
use crate::archive::row::Row;
use crate::archive::{Keeper, Reader};
use crate::config::ArchiveConfig;
use crate::sample::{at, event, id};

/// A day of events, one a minute: every tenth blocked, every hundredth marked and slow.
fn archive() -> (tempfile::TempDir, Reader) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let config = ArchiveConfig { path: path.clone(), retain: Duration::from_hours(1 << 20), size: None };
    let events: Vec<_> = (0..1440).map(|minute| Row::of(&minute_event(minute)).unwrap()).collect();
    Keeper::new(config).write(&events, &[], at(0));
    let reader = Reader::open(&path).unwrap();
    (folder, reader)
}

fn minute_event(minute: u64) -> Event {
    let action = if minute % 10 == 3 { Action::Block } else { Action::Pass };
    let mut event = event(minute.cast_signed() * 60, minute, action);
    if minute.is_multiple_of(100) {
        event.verdict.would_have = Some(Action::Throttle);
        event.duration_us = 3_000_000;
    }
    event
}

fn numbers(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.request.path.trim_start_matches("/plans/").parse().unwrap()).collect()
}

fn found(reader: &Reader, condition: &str) -> Vec<u64> {
    numbers(&reader.events(&Query::parse(condition).unwrap()).unwrap().events)
}

#[test]
fn a_condition_finds_the_same_with_and_without_the_columns() {
    let (_folder, reader) = archive();
    let id = id(180 * 60, 180).to_string();
    for (condition, count) in [
        (r#"verdict == "block""#, 144),
        (r#"verdict != "block""#, 1296),
        (r#"verdict in ["pass", "block"]"#, 1440),
        (r#"verdict != "pass""#, 144),
        (r#"would_have == "throttle""#, 15),
        (r#"site == "shop" && status == 403"#, 144),
        (r#"site != "shop""#, 0),
        ("status >= 400", 144),
        (r#"duration > duration("2s")"#, 15),
        (r#"duration <= duration("1500us")"#, 1425),
        (r#"caller == "ip:203.0.113.7""#, 8),
        (r#"method == "POST""#, 0),
        (r#"operation == "GET /plans/{planId}" && path == "/plans/7""#, 1),
        (r#""rules.block" in reasons && "walker" in decided_by"#, 144),
        (r#"time >= timestamp("2023-11-15T00:00:00Z") && time < timestamp("2023-11-15T01:00:00Z")"#, 60),
        (r#"tag("api:documented") && !tagged("net:")"#, 1440),
        (r#"headers["x-hop"] == "b" && headers.accept == "*/*""#, 1440),
        (r#"ip == "203.0.113.7" || status == 403"#, 152),
        (&format!(r#"id == "{id}""#), 1),
    ] {
        let by_columns = found(&reader, condition);
        let program = Query::parse(condition).unwrap().when.unwrap().compile();
        let holds = |minute: &u64| program.holds(&crate::archive::EventFacts::new(&minute_event(*minute)));
        let by_events: Vec<_> = (0..1440).rev().filter(holds).collect();
        assert_eq!(by_columns, by_events, "{condition}");
        assert_eq!(by_columns.len(), count, "{condition}");
    }
}

#[test]
fn an_answer_goes_on_where_the_last_one_stopped() {
    let (_folder, reader) = archive();
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let mut all = Vec::new();
        let mut query = Query { limit: 50, order, ..Query::parse("status == 403").unwrap() };
        loop {
            let answer = reader.events(&query).unwrap();
            assert!(answer.events.len() <= 50);
            all.extend(numbers(&answer.events));
            query.after = answer.more;
            if query.after.is_none() {
                break;
            }
        }
        let mut expected: Vec<u64> = (0..1440).filter(|minute| minute % 10 == 3).collect();
        if order == Order::NewestFirst {
            expected.reverse();
        }
        assert_eq!(all, expected);
    }
}

#[test]
fn a_span_of_time_is_found_from_either_end() {
    let (_folder, reader) = archive();
    let span = |order| Query { since: Some(at(60)), until: Some(at(300)), order, ..Query::default() };
    let found = |order| numbers(&reader.events(&span(order)).unwrap().events);
    assert_eq!(found(Order::OldestFirst), [1, 2, 3, 4]);
    assert_eq!(found(Order::NewestFirst), [4, 3, 2, 1]);
    let one = reader.event(id(60, 1)).unwrap();
    assert_eq!(one.map(|event| event.time), Some(at(60)));
    assert_eq!(reader.event(id(60, 2)).unwrap(), None);
}

/// Ends a statement's plan in the middle of the table, or on the index of what was not a plain pass.
#[test]
fn sql_reads_no_more_than_it_must() {
    let (_folder, reader) = archive();
    let plan = |query: &Query| {
        let (sql, values) = page::statement(query, None);
        let mut explained = reader.connection.prepare(&format!("explain query plan {sql}")).unwrap();
        let mut rows = explained.query(rusqlite::params_from_iter(values)).unwrap();
        let mut plan = String::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push_str(&row.get::<_, String>(3).unwrap());
        }
        plan
    };
    let span = Query { since: Some(at(60)), until: Some(at(300)), ..Query::default() };
    assert!(plan(&span).contains("INTEGER PRIMARY KEY"), "{}", plan(&span));
    let refused = Query::parse(r#"verdict == "block""#).unwrap();
    assert!(plan(&refused).contains("INDEX notable"), "{}", plan(&refused));
}

#[test]
fn mistakes_are_told_before_anything_is_read() {
    for condition in ["verdict ==", "body.x == 1", "colour == \"red\""] {
        assert!(!Query::parse(condition).unwrap_err().is_empty(), "{condition}");
    }
}

/// Every variable a query can name has a value in an event that has everything.
#[test]
fn every_variable_of_the_vocabulary_is_answered() {
    let certificate = portcullis_model::exchange::ClientCertificate {
        common_name: Some("acme".into()),
        dns_names: vec!["acme.example".into()],
        uris: vec!["spiffe://acme".into()],
        fingerprint: "00".into(),
    };
    let mut event = event(0, 1, Action::Block);
    event.progress = Some(1);
    event.trace = Some(TraceRecord {
        id: TraceId::new(1).unwrap(),
        span: SpanId::new(1).unwrap(),
        parent: None,
        sampled: false,
        claimed: None,
    });
    event.route = Some("plans".into());
    event.request.query = Some("a=1".into());
    event.request.content_type = Some("application/json".into());
    event.verdict.would_have = Some(Action::Ban);
    event.peer.tls = Some(TlsFacts {
        version: "1.3".into(),
        cipher: "TLS_AES_128_GCM_SHA256".into(),
        server_name: Some("shop.example".into()),
        alpn: Some("h2".into()),
        ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
        client_certificate: Some(certificate),
    });
    event.caller.identity = Some(IdentityRecord {
        provider: "partners".into(),
        subject: "acme".into(),
        proof: Proof::Mtls,
        groups: vec!["gold".into()],
    });
    event.upstream = Some(UpstreamRecord {
        name: Some("billing".into()),
        server: "10.0.0.1:80".into(),
        attempts: 1,
        reused: true,
        status: Some(200),
        head_us: Some(5),
        error: Some("reset".into()),
    });
    event.tags.extend(["country:de", "asn:3320"].map(|tag| Tag { tag: tag.into(), cause: Cause::Observed }));
    let facts = crate::archive::EventFacts::new(&event);
    for variable in portcullis_expr::vocabulary() {
        if variable.scope.covers(Place::Event) {
            let value = portcullis_expr::Facts::value(&facts, variable.var);
            assert!(!value.is_null(), "{} is null", variable.name);
        }
    }
}

#[test]
fn times_are_told_apart_to_the_microsecond() {
    let (_folder, reader) = archive();
    let micros = |by: i64| Timestamp::from_micros(at(60).as_micros() + by);
    for (since, first) in [(0, 1), (1, 2)] {
        let query =
            Query { since: Some(micros(since)), order: Order::OldestFirst, limit: 1, ..Query::default() };
        assert_eq!(numbers(&reader.events(&query).unwrap().events), [first]);
    }
}
