//! Deliver what the upstream answered: as it comes, looked at in passing, or once it was held and judged.
//!
//! Invariant: of a response that is held nothing is sent before the engine has judged it; of one that is
//! rewritten no field speaks of the bytes it had before.

use std::pin::Pin;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LOCATION, HeaderName, HeaderValue, LOCATION, SET_COOKIE, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, Response, StatusCode, Version};
use hyper::body::Incoming;
use portcullis_engine::{Deliver, Held, HeldBody, HeldStep, ResponseMode};
use portcullis_model::event::End;

use super::course::{Course, Stage};
use super::errand::{Answered, Reply};
use super::{Received, answers, gone, refuse};
use crate::body::{self, BrokenOff, ClientBody, Download, HoldEnd, Looking};
use crate::forward::strip_hop_fields;
use crate::pace::Pace;
use crate::upgrade;

/// A response on its way, or one whose body is held first.
///
/// Two ways, so that the common one has no state to move: only holding waits.
pub(super) enum Delivery {
    /// Its head can go.
    Begun(Response<ClientBody>),
    /// Its body comes first.
    Held(Pin<Box<dyn Future<Output = Response<ClientBody>> + Send>>),
}

/// Delivers an answer to the client.
pub(super) fn deliver(mut course: Box<Course>, received: Received, answered: Answered) -> Delivery {
    let Answered { reply: Reply { response, head, carrier }, record, pace, now } = answered;
    let Some(Stage::Forward(forward)) = course.take() else { return Delivery::Begun(gone(course)) };
    course.enter(forward.answered(head, record, now));
    go_on(course, received, Arrived { response, carrier, pace })
}

/// What came of the upstream beside what the engine reads.
struct Arrived {
    response: Response<Incoming>,
    carrier: body::Carrier,
    pace: Pace,
}

/// As the engine said of the head.
fn go_on(course: Box<Course>, received: Received, arrived: Arrived) -> Delivery {
    match course.stage() {
        Some(Stage::Refuse(_)) => return Delivery::Begun(refuse(course)),
        Some(Stage::ResponseCounters(_)) => {
            return Delivery::Held(Box::pin(count(course, received, arrived)));
        }
        _ => {}
    }
    let Arrived { mut response, carrier, pace } = arrived;
    add_fields(&course, response.headers_mut());
    mend_places(&course, response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Delivery::Begun(switch(course, received, response, carrier, pace));
    }
    let clock = course.connection.node.ports.clock;
    let (parts, body) = response.into_parts();
    pass_on(course, parts, Download::new(body, carrier, pace, clock))
}

/// Asks the store for what rules over the response read, and goes on.
async fn count(mut course: Box<Course>, received: Received, arrived: Arrived) -> Response<ClientBody> {
    let Some(answers) = answers(&course).await else { return gone(course) };
    let now = course.connection.node.ports.clock.tick();
    let Some(Stage::ResponseCounters(ask)) = course.take() else { return gone(course) };
    course.enter(ask.answer(answers, now));
    match go_on(course, received, arrived) {
        Delivery::Begun(response) => response,
        Delivery::Held(rest) => rest.await,
    }
}

/// Opens a tunnel after a 101.
fn switch(
    mut course: Box<Course>,
    received: Received,
    response: Response<Incoming>,
    carrier: body::Carrier,
    pace: Pace,
) -> Response<ClientBody> {
    let Some(Stage::Deliver(step)) = course.take() else { return gone(course) };
    course.enter(Stage::Sending(step.begin()));
    course.seen.status = StatusCode::SWITCHING_PROTOCOLS.as_u16();
    let protocol = response.headers().get(UPGRADE).cloned();
    let (mut parts, _) = response.into_parts();
    clean(&mut parts);
    if let Some(protocol) = protocol {
        parts.headers.insert(UPGRADE, protocol);
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    match received.upgrade {
        Some(client) => upgrade::open(course, client, carrier, pace),
        None => course.end(End::UpstreamFailed),
    }
    Response::from_parts(parts, ClientBody::Empty)
}

fn pass_on(mut course: Box<Course>, parts: Parts, download: Box<Download>) -> Delivery {
    let Some(Stage::Deliver(step)) = course.stage() else { return Delivery::Begun(gone(course)) };
    let looking = match step.mode() {
        ResponseMode::Hold { .. } => return Delivery::Held(Box::pin(hold(course, parts, download))),
        ResponseMode::Tee { .. } => Looking::Tee,
        ResponseMode::Pass => Looking::Away,
    };
    let Some(Stage::Deliver(step)) = course.take() else { return Delivery::Begun(gone(course)) };
    course.enter(Stage::Sending(step.begin()));
    Delivery::Begun(send(course, parts, |course| download.answer(Bytes::new(), looking, course)))
}

/// Holds the body, has it judged, and sends what comes of that.
async fn hold(
    mut course: Box<Course>,
    mut parts: Parts,
    mut download: Box<Download>,
) -> Response<ClientBody> {
    let Some(Stage::Deliver(step)) = course.stage() else { return gone(course) };
    let ResponseMode::Hold { limit, deadline } = step.mode() else { return gone(course) };
    let held = body::hold(&mut download, limit, deadline).await;
    match held.end {
        HoldEnd::OverLimit => course.connection.node.ports.metrics.hold_cut("response_limit"),
        HoldEnd::Deadline => course.connection.node.ports.metrics.hold_cut("response_deadline"),
        HoldEnd::Whole(_) | HoldEnd::Failed(_) => {}
    }
    let (outcome, trailers) = match held.end {
        HoldEnd::Whole(trailers) => (Held::Complete, trailers),
        HoldEnd::OverLimit => (Held::OverLimit, None),
        HoldEnd::Deadline | HoldEnd::Failed(BrokenOff::Stalled | BrokenOff::Overdue) => {
            (Held::Deadline, None)
        }
        HoldEnd::Failed(BrokenOff::Upstream) => (Held::Lost, None),
    };
    let bytes = held.bytes;
    match judge(&mut course, &HeldBody { bytes: bytes.clone(), outcome }).await {
        Some(Judged::Pass) if download.is_over() => {
            send(course, parts, |course| ClientBody::whole(bytes, trailers, course))
        }
        Some(Judged::Pass) => send(course, parts, |course| download.answer(bytes, Looking::Away, course)),
        Some(Judged::Rewrite(bytes)) => {
            body::mend(&mut parts.headers, bytes.len() as u64);
            send(course, parts, |course| ClientBody::whole(bytes, None, course))
        }
        Some(Judged::Refuse) => refuse(course),
        None => gone(course),
    }
}

/// What the engine made of a held response.
enum Judged {
    Pass,
    Rewrite(Bytes),
    Refuse,
}

async fn judge(course: &mut Course, body: &HeldBody) -> Option<Judged> {
    let now = course.connection.node.ports.clock.tick();
    let Some(Stage::Deliver(step)) = course.take() else { return None };
    let mut step = Deliver::held(step, body, now);
    while let HeldStep::Counters(ask) = step {
        course.enter(Stage::HeldCounters(ask));
        let answers = answers(course).await?;
        let now = course.connection.node.ports.clock.tick();
        let Some(Stage::HeldCounters(ask)) = course.take() else { return None };
        step = ask.answer(answers, now);
    }
    Some(match step {
        HeldStep::Counters(_) => return None,
        HeldStep::Deliver(sending) => {
            course.enter(Stage::Sending(sending));
            Judged::Pass
        }
        HeldStep::Rewritten(sending, bytes) => {
            course.enter(Stage::Sending(sending));
            Judged::Rewrite(bytes)
        }
        HeldStep::Refuse(step) => {
            course.enter(Stage::Refuse(step));
            Judged::Refuse
        }
    })
}

fn send(
    mut course: Box<Course>,
    mut parts: Parts,
    body: impl FnOnce(Box<Course>) -> ClientBody,
) -> Response<ClientBody> {
    clean(&mut parts);
    course.seen.status = parts.status.as_u16();
    Response::from_parts(parts, body(course))
}

/// Adds what the engine tells the client beside the upstream's own fields.
fn add_fields(course: &Course, fields: &mut HeaderMap) {
    let Some(Stage::Deliver(step)) = course.stage() else { return };
    for (name, value) in step.added_fields() {
        if let Ok(value) = HeaderValue::try_from(value) {
            fields.append(HeaderName::from_static(name), value);
        }
    }
}

/// Names places as clients know them, where the upstream reads another prefix.
fn mend_places(course: &Course, fields: &mut HeaderMap) {
    let Some(Stage::Deliver(step)) = course.stage() else { return };
    if !step.renames_places() {
        return;
    }
    let mend = |value: &HeaderValue, mended: &dyn Fn(&str) -> Option<String>| {
        HeaderValue::try_from(mended(value.to_str().ok()?)?).ok()
    };
    for name in [LOCATION, CONTENT_LOCATION] {
        if let Some(value) = fields.get_mut(&name)
            && let Some(mended) = mend(value, &|value| step.mended_location(value))
        {
            *value = mended;
        }
    }
    for (_, value) in fields.iter_mut().filter(|(name, _)| **name == SET_COOKIE) {
        if let Some(mended) = mend(value, &|value| step.mended_cookie(value)) {
            *value = mended;
        }
    }
}

/// Takes off what was meant for this hop, or would lead clients past it.
fn clean(parts: &mut Parts) {
    strip_hop_fields(&mut parts.headers);
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
}
