//! Drive one exchange: ask the engine, do what it says, see to it that it ends.
//!
//! Invariants: the engine's asks are answered in the order it gives them; nothing is sent upstream before the
//! engine says so; an exchange is judged, forwarded and ended under one policy, the one in force when its head
//! came. Deliberately absent: any decision, and the bytes of bodies, which [`crate::body`] moves.

mod admission;
mod course;
mod deliver;
mod errand;
mod outgoing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use portcullis_engine::{Arrival, BodyHint, CredentialCheck, Delayed, Held, HeldBody, UpstreamFailure};
use portcullis_model::counter::{Answers, StoreFailure};
use portcullis_model::event::{End, UpstreamRecord};
use portcullis_model::{EventId, Tick};
use portcullis_store::Reply;

pub(crate) use course::Course;
use course::Stage;

use crate::body::{Broken, ClientBody, HoldEnd, Passage, UpstreamBody, hold};
use crate::connection::ConnectionContext;
use crate::forward::Expectation;
use crate::head::HeadRecord;
use crate::proofs::KeptProofs;
use crate::refuse;
use crate::trace::Trace;
use crate::upgrade::Wish;
use crate::upstream::{ServerSet, Ticket};
use deliver::Delivery;
use errand::{Errand, Unanswered};
use outgoing::Outgoing;

/// What of a request the engine does not take.
struct Received {
    /// Until it was held whole or is on its way.
    body: Option<Incoming>,
    hint: BodyHint,
    wish: Option<Wish>,
    upgrade: Option<OnUpgrade>,
    expectation: Expectation,
    held: Option<HeldUpload>,
}

/// A request's body as far as it was held.
struct HeldUpload {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
    rest: Rest,
}

/// Whether the client has more of a held body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Follows,
    Nothing,
}

/// The client went away; there is nobody to answer.
struct ClientGone;

/// Serves one request to its response head; the body goes on streaming after this returns.
pub(crate) async fn serve(
    connection: Arc<ConnectionContext>,
    record: HeadRecord,
    request: Request<Incoming>,
) -> Response<ClientBody> {
    let generation = connection.node.upstreams.current();
    let mut received = Received::new(&record, request);
    let id = EventId::new(record.received.wall, fastrand::u128(..));
    let trace = Trace::begin(generation.snapshot.policy(), &record.head, &connection.peer, id);
    let arrival = Arrival {
        id,
        now: record.received,
        peer: Arc::clone(&connection.peer),
        head: record.head,
        defects: record.defects,
        body: received.hint,
        lent: Arc::clone(&connection.node.workspaces),
        proofs: Arc::<KeptProofs>::clone(&generation.proofs),
    };
    let bans = connection.node.ports.store.ban_view();
    let step = generation.snapshot.begin(arrival, &*bans);
    let mut course = Course::begin(connection, (id, trace), step);
    loop {
        admission::judge(&mut course, &generation);
        match course.stage() {
            Some(Stage::Counters(_)) => count(&mut course).await,
            Some(Stage::Credential(_)) => Box::pin(look(&mut course)).await,
            Some(Stage::RequestBody(_)) => {
                // Apart, as holding is rare and its state is moved with every exchange otherwise.
                if Box::pin(hold_request(&mut course, &mut received)).await.is_err() {
                    return gone(course);
                }
            }
            Some(Stage::Delay(_)) => Box::pin(wait(&mut course)).await,
            Some(Stage::Forward(forward)) => {
                let set = generation.set(forward.site_index(), forward.destination());
                let key = forward.balance_key();
                return forward_request(course, received, (set, key), generation.report_every).await;
            }
            Some(Stage::Refuse(_)) => return refuse(course),
            Some(
                Stage::ResponseCounters(_) | Stage::Deliver(_) | Stage::HeldCounters(_) | Stage::Sending(_),
            )
            | None => return gone(course),
        }
    }
}

/// The store's answers to what the stage asks.
async fn answers(course: &Course) -> Option<Result<Answers, StoreFailure>> {
    Some(asked(course)?.answers().await)
}

fn asked(course: &Course) -> Option<Reply<'_>> {
    let batch = course.stage()?.batch()?;
    Some(course.connection.node.ports.store.apply(batch))
}

/// The store's answers to the engine.
async fn count(course: &mut Course) {
    let answers = match asked(course) {
        // Memory answers at once.
        Some(Reply::Ready(answers)) => answers,
        Some(Reply::Waiting(answers)) => answers.await,
        None => return,
    };
    let ports = &course.connection.node.ports;
    let (bans, now) = (ports.store.ban_view(), ports.clock.tick());
    if let Some(Stage::Counters(ask)) = course.take() {
        course.enter(ask.answer(answers, &*bans, now));
    }
}

/// What a credential is, to the engine.
async fn look(course: &mut Course) {
    let Some(Stage::Credential(ask)) = course.stage() else { return };
    let (node, caller) = (&course.connection.node, ask.caller().clone());
    let reply = match ask.check() {
        CredentialCheck::Password(check) => node.passwords.look(caller, check).await,
        CredentialCheck::Code(check) => node.logins.look(caller, &check, &*node.ports.files).await,
        CredentialCheck::Token(check) => node.introspections.look(caller, &check, &*node.ports.files).await,
    };
    let ports = &course.connection.node.ports;
    let (bans, now) = (ports.store.ban_view(), ports.clock.tick());
    if let Some(Stage::Credential(ask)) = course.take() {
        course.enter(ask.answer(reply, &*bans, now));
    }
}

/// Holds the exchange for as long as the engine wants; one that drains holds none.
async fn wait(course: &mut Course) {
    let Some(Stage::Delay(ask)) = course.stage() else { return };
    let node = &course.connection.node;
    let outcome = match node.delays.enter(ask.at_once()) {
        None => {
            node.ports.metrics.not_delayed();
            Delayed::TooMany
        }
        Some(_place) => {
            let _counted = node.ports.metrics.held();
            let _ = tokio::time::timeout(ask.span(), node.draining.cancelled()).await;
            Delayed::Over
        }
    };
    let now = node.ports.clock.tick();
    if let Some(Stage::Delay(ask)) = course.take() {
        course.enter(ask.answer(outcome, now));
    }
}

/// Holds the request's body and hands it to the engine.
async fn hold_request(course: &mut Course, received: &mut Received) -> Result<(), ClientGone> {
    let Some(Stage::RequestBody(ask)) = course.stage() else { return Ok(()) };
    let Some(incoming) = &mut received.body else { return Ok(()) };
    let held = hold(incoming, ask.limit(), ask.deadline()).await;
    course.seen.held_bytes = held.bytes.len() as u64;
    match held.end {
        HoldEnd::OverLimit => course.connection.node.ports.metrics.hold_cut("request_limit"),
        HoldEnd::Deadline => course.connection.node.ports.metrics.hold_cut("request_deadline"),
        HoldEnd::Whole(_) | HoldEnd::Failed(_) => {}
    }
    let (outcome, rest, trailers) = match held.end {
        HoldEnd::Whole(trailers) => (Held::Complete, Rest::Nothing, trailers),
        HoldEnd::OverLimit => (Held::OverLimit, Rest::Follows, None),
        HoldEnd::Deadline => (Held::Deadline, Rest::Follows, None),
        HoldEnd::Failed(error) => match Broken::of(&error, incoming) {
            Broken::Defect(defect) => (Held::Broken(defect), Rest::Nothing, None),
            Broken::Stalled => (Held::Stalled, Rest::Nothing, None),
            Broken::Gone => return Err(ClientGone),
        },
    };
    received.held = Some(HeldUpload { bytes: held.bytes.clone(), trailers, rest });
    let body = HeldBody { bytes: held.bytes, outcome };
    let now = course.connection.node.ports.clock.tick();
    if let Some(Stage::RequestBody(ask)) = course.take() {
        course.enter(ask.answer(&body, now));
    }
    Ok(())
}

/// Asks the upstream and delivers what it answers, or the refusal that comes of it.
async fn forward_request(
    mut course: Box<Course>,
    mut received: Received,
    (set, key): (Option<Arc<ServerSet>>, Option<u64>),
    report_every: Duration,
) -> Response<ClientBody> {
    let clock = course.connection.node.ports.clock;
    let began = (clock, clock.tick());
    let outgoing = received.outgoing(&mut course);
    let answered = match set {
        Some(set) => {
            let ticket = ticket(&course, &set, began.1);
            let answered = Errand::new(set, outgoing, began, report_every, key).run(&mut course).await;
            if let Some(ticket) = ticket.filter(|_| tells_load(&answered)) {
                ticket.answered(clock.tick());
            }
            answered
        }
        None => Err(Unanswered::Upstream(UpstreamFailure::NoServer, UpstreamRecord::default())),
    };
    match answered {
        Ok(answered) => match deliver::deliver(course, received, answered) {
            Delivery::Begun(response) => response,
            Delivery::Held(response) => response.await,
        },
        Err(unanswered) => fail(course, unanswered),
    }
}

/// Its place among those its upstream was given, until the answer's head is there.
fn ticket(course: &Course, set: &ServerSet, now: Tick) -> Option<Ticket> {
    let gate = set.gate()?;
    let Some(Stage::Forward(forward)) = course.stage() else { return None };
    Some(gate.enter(gate.caller(forward.load()?.caller), now))
}

/// Whether the time it took tells how much there is to do.
fn tells_load<T>(answered: &Result<T, Unanswered>) -> bool {
    match answered {
        Ok(_) => true,
        Err(Unanswered::Upstream(failure, _)) => *failure == UpstreamFailure::HeadTimeout,
        Err(_) => false,
    }
}

/// Tells the engine that no server answered, and the client what comes of it.
fn fail(mut course: Box<Course>, unanswered: Unanswered) -> Response<ClientBody> {
    let now = course.connection.node.ports.clock.tick();
    let Some(Stage::Forward(forward)) = course.take() else { return gone(course) };
    match unanswered {
        Unanswered::Upstream(failure, record) => {
            course.enter(Stage::Refuse(forward.failed(&failure, record, now)));
        }
        Unanswered::Request(failure, record) => {
            course.enter(Stage::Refuse(forward.request_failed(&failure, record, now)));
        }
        Unanswered::Gone(record) => {
            course.enter(Stage::Forward(forward));
            course.seen.upstream = Some(record);
            return gone(course);
        }
    }
    refuse(course)
}

/// Sends the refusal the engine decided on.
fn refuse(mut course: Box<Course>) -> Response<ClientBody> {
    let Some(Stage::Refuse(step)) = course.take() else { return gone(course) };
    for ban in step.bans() {
        course.connection.node.ports.store.ban(ban.clone());
    }
    let response = refuse::render(step.answer(), &step.head().headers);
    let is_head = step.head().method == http::Method::HEAD;
    course.enter(Stage::Sending(step.begin()));
    course.seen.status = response.status().as_u16();
    let (mut parts, bytes) = response.into_parts();
    if !is_head {
        return Response::from_parts(parts, ClientBody::whole(bytes, None, course));
    }
    parts.headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(bytes.len()));
    Response::from_parts(parts, ClientBody::whole(Bytes::new(), None, course))
}

/// Answers into the void: the client is gone, or the exchange has ended.
fn gone(mut course: Box<Course>) -> Response<ClientBody> {
    course.end(End::ClientGone);
    let mut response = Response::new(ClientBody::default());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

impl Received {
    fn new(record: &HeadRecord, mut request: Request<Incoming>) -> Self {
        let hint = record.body;
        let expectation = if record.expects_continue { Expectation::PassOn } else { Expectation::Drop };
        let wish = Wish::of(&record.head, hint);
        let upgrade = wish.is_some().then(|| hyper::upgrade::on(&mut request));
        Self { body: Some(request.into_body()), hint, wish, upgrade, expectation, held: None }
    }

    /// The request on its way: what was held of its body, what still comes, or nothing.
    fn outgoing(&mut self, course: &mut Course) -> Outgoing {
        let wish = self.wish.take();
        if self.hint == BodyHint::None {
            return Outgoing::bodiless(wish);
        }
        match (self.held.take(), self.body.take()) {
            (Some(HeldUpload { bytes, trailers, rest: Rest::Nothing }), _) => {
                Outgoing::held(bytes, trailers, wish)
            }
            (held, Some(rest)) => {
                let passage = Arc::new(Passage::default());
                course.seen.passage = Some(Arc::clone(&passage));
                // A client whose body was begun was told to go on.
                let expectation = if held.is_none() { self.expectation } else { Expectation::Drop };
                let bytes = held.map(|held| held.bytes).unwrap_or_default();
                Outgoing::streamed(
                    UpstreamBody::stream(bytes, rest, Arc::clone(&passage), &course.connection),
                    passage,
                    expectation,
                    wish,
                )
            }
            (_, None) => Outgoing::bodiless(wish),
        }
    }
}
