//! Events and summaries for tests.

use std::time::Duration;

use portcullis_model::event::{
    Answerer, CallerRecord, End, FORMAT, OperationRecord, PeerRecord, RequestRecord, ResponseRecord,
    Standing, Summary,
};
use portcullis_model::verdict::VerdictRecord;
use portcullis_model::{
    Action, CallerKey, Cause, Direction, Event, EventId, OperationId, Reason, Scheme, Stage, Tag, Timestamp,
    Version,
};

/// The time samples count from.
pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_040 + secs)
}

/// The id of the `n`th sample at a second.
pub(crate) fn id(secs: i64, n: u64) -> EventId {
    EventId::new(at(secs), u128::from(n) << 60 | u128::from(n))
}

/// An exchange of `secs` that ended so.
pub(crate) fn event(secs: i64, n: u64, action: Action) -> Event {
    let refused = action.refuses();
    let address = [203, 0, 113, (n % 200) as u8].into();
    Event {
        version: FORMAT,
        id: id(secs, n),
        progress: None,
        time: at(secs),
        trace: None,
        duration_us: 1500,
        direction: Direction::Ingress,
        peer: PeerRecord { ip: address, port: 40000, listener: "127.0.0.1:8080".into(), tls: None },
        caller: CallerRecord { key: CallerKey::address(address), ip: address, identity: None },
        site: Some("shop".into()),
        route: None,
        operation: Some(OperationRecord {
            id: OperationId::new("00000000000000aa"),
            name: "GET /plans/{planId}".into(),
            standing: Some(Standing::Documented),
        }),
        request: RequestRecord {
            method: "GET".into(),
            scheme: Scheme::Http,
            host: "shop.example".into(),
            path: format!("/plans/{n}"),
            query: None,
            version: Version::Http11,
            headers: vec![
                ("Accept".into(), "*/*".into()),
                ("X-Hop".into(), "a".into()),
                ("x-hop".into(), "b".into()),
            ],
            user_agent: Some("sample/1".into()),
            referer: None,
            content_type: None,
            body_bytes: 0,
        },
        response: Some(ResponseRecord {
            status: if refused { 403 } else { 200 },
            from: if refused { Answerer::Gateway } else { Answerer::Upstream },
            content_type: Some("application/json".into()),
            body_bytes: 512,
        }),
        upstream: None,
        tags: vec![Tag { tag: "api:documented".into(), cause: Cause::Contract }],
        verdict: VerdictRecord { action, would_have: None },
        reasons: refused
            .then(|| Reason::new(Stage::Rules, "rules.block", action).by("walker"))
            .into_iter()
            .collect(),
        skipped: Vec::new(),
        data: Vec::new(),
        not_inspected: Vec::new(),
        phases: Vec::new(),
        end: End::Complete,
    }
}

/// What totals need of the same exchange.
pub(crate) fn summary(secs: i64, n: u64, action: Action) -> Summary {
    let event = event(secs, n, action);
    Summary {
        time: event.time,
        site: "shop".into(),
        operation: "GET /plans/{planId}".into(),
        standing: Some(Standing::Documented),
        action,
        would_have: action,
        decided_by: None,
        status: event.response.map_or(0, |response| response.status),
        duration: Duration::from_micros(event.duration_us),
        request_bytes: 0,
        response_bytes: 512,
        caller: event.caller.key,
    }
}
