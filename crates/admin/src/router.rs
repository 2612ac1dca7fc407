//! Which question gets which answer.

mod findings;

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use portcullis_events::Follower;
use portcullis_events::archive::{self, EventFacts};
use portcullis_expr::{Checked, Env, ExprProblem, Place, Program, check};
use portcullis_inventory::{Decision, Spot};
use portcullis_learn::Inventories;
use portcullis_model::EventId;
use serde::Deserialize;

use crate::api::{
    self, Bans, EventQuery, Followed, FoundEvents, FoundOperations, LiftBan, Lifted, NewBan, NewDecision,
    NewWatching, OperationQuery, Refusal, Reload, Reloaded,
};
use crate::desk::Desk;

/// At most so many events in one answer.
const MOST: usize = 10_000;

/// The control socket's router.
pub fn router(desk: Desk) -> Router {
    Router::new()
        .route("/status", get(async |State(desk): State<Desk>| Json(desk.operator.status())))
        .route("/top", get(top))
        .route("/events", get(events))
        .route("/events/{id}", get(event))
        .route("/follow", get(follow))
        .route("/operations", get(operations))
        .route("/openapi", get(openapi))
        .route("/decisions", post(decide))
        .route("/watching", post(watch))
        .route("/findings", get(findings::list))
        .route("/findings/{id}", get(findings::find).post(findings::mark))
        .route("/bans", get(bans).post(ban).delete(unban))
        .route("/reload", post(reload))
        .with_state(desk)
}

async fn reload(State(desk): State<Desk>, Json(asked): Json<Reload>) -> Json<Reloaded> {
    Json(desk.operator.reload(asked.reach).await)
}

/// A question that cannot be answered as asked.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(Refusal { error: self.1 })).into_response()
    }
}

#[derive(Deserialize)]
struct TopQuery {
    #[serde(default = "five_minutes")]
    seconds: u64,
}

fn five_minutes() -> u64 {
    300
}

async fn top(State(desk): State<Desk>, Query(asked): Query<TopQuery>) -> Response {
    Json(desk.recorder.top(Duration::from_secs(asked.seconds), desk.operator.now())).into_response()
}

async fn events(
    State(desk): State<Desk>,
    Query(asked): Query<EventQuery>,
) -> Result<Json<FoundEvents>, Refused> {
    let query = archive::Query {
        when: condition(asked.condition.as_deref())?,
        since: asked.since,
        until: asked.until,
        limit: asked.limit.unwrap_or(100).clamp(1, MOST),
        ..archive::Query::default()
    };
    let found = desk.find(query).await.map_err(|error| Refused(StatusCode::SERVICE_UNAVAILABLE, error))?;
    Ok(Json(FoundEvents { more: found.more.is_some(), events: found.events }))
}

async fn event(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Response, Refused> {
    let id: EventId = id.parse().map_err(|error: portcullis_model::id::NotAnEventId| {
        Refused(StatusCode::BAD_REQUEST, error.to_string())
    })?;
    let found = desk.event(id).await.map_err(|error| Refused(StatusCode::SERVICE_UNAVAILABLE, error))?;
    match found {
        Some(event) => Ok(Json(event).into_response()),
        None => Err(Refused(StatusCode::NOT_FOUND, format!("no event {id} is kept"))),
    }
}

async fn follow(State(desk): State<Desk>, Query(asked): Query<EventQuery>) -> Result<Response, Refused> {
    let program = condition(asked.condition.as_deref())?.map(|checked| checked.compile());
    let lines = lines(desk.recorder.follow(), program);
    Ok(Response::new(Body::new(lines)))
}

/// Events that match, as JSON lines, until the reader leaves or recording ends.
fn lines(
    mut follower: Follower,
    program: Option<Program>,
) -> http_body_util::channel::Channel<Bytes, Infallible> {
    let (mut sender, body) = http_body_util::channel::Channel::new(16);
    tokio::spawn(async move {
        while let Some(next) = follower.next().await {
            let line = match next {
                Ok(event)
                    if program.as_ref().is_none_or(|program| program.holds(&EventFacts::new(&event))) =>
                {
                    Followed::Event(Box::new((*event).clone()))
                }
                Ok(_) => continue,
                Err(lost) => Followed::Lost(lost.0),
            };
            let Ok(mut text) = serde_json::to_vec(&line) else { continue };
            text.push(b'\n');
            if sender.send_data(text.into()).await.is_err() {
                return;
            }
        }
    });
    body
}

/// What was learned, or why nothing is.
async fn inventories(desk: &Desk) -> Result<Arc<Inventories>, Refused> {
    desk.operator.inventories().await.ok_or_else(|| {
        let why = "this policy learns nothing of its sites (`inventory: off`)";
        Refused(StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
    })
}

async fn operations(
    State(desk): State<Desk>,
    Query(asked): Query<OperationQuery>,
) -> Result<Json<FoundOperations>, Refused> {
    let found = api::operations(&*inventories(&desk).await?, &asked);
    found.map(Json).map_err(|why| Refused(StatusCode::BAD_REQUEST, why))
}

async fn openapi(
    State(desk): State<Desk>,
    Query(asked): Query<OperationQuery>,
) -> Result<Json<serde_json::Value>, Refused> {
    let document = api::openapi(&*inventories(&desk).await?, &asked);
    document.map(Json).map_err(|why| Refused(StatusCode::BAD_REQUEST, why))
}

async fn decide(
    State(desk): State<Desk>,
    Json(wanted): Json<NewDecision>,
) -> Result<Json<FoundOperations>, Refused> {
    let bad = |why: String| Refused(StatusCode::BAD_REQUEST, why);
    let sites = inventories(&desk).await?;
    let (site, _) = api::only_site(&sites, wanted.site.as_ref()).map_err(bad)?;
    let spot = Spot::of(&wanted.template)
        .ok_or_else(|| bad(format!("`{}` is not a path: `/users/{{userId}}`", wanted.template)))?;
    if !desk.operator.decide(site.clone(), Decision::Template(spot, wanted.ruling)).await {
        return Err(bad(format!("nothing was learned of the site `{site}`")));
    }
    let query = OperationQuery { site: Some(site.clone()), ..OperationQuery::default() };
    api::operations(&*inventories(&desk).await?, &query).map(Json).map_err(bad)
}

async fn watch(
    State(desk): State<Desk>,
    Json(wanted): Json<NewWatching>,
) -> Result<Json<FoundOperations>, Refused> {
    let bad = |why: String| Refused(StatusCode::BAD_REQUEST, why);
    let query = wanted.query();
    let found = api::operations(&*inventories(&desk).await?, &query).map_err(bad)?;
    let [operation] = found.operations.as_slice() else {
        let sites: Vec<&str> = found.operations.iter().map(|known| known.site.as_str()).collect();
        return Err(match sites.as_slice() {
            [] => bad(format!("no operation is called `{}`", wanted.operation)),
            several => bad(format!("several sites have it; --site names one of: {}", several.join(", "))),
        });
    };
    let decision = Decision::Watch(operation.id.clone(), wanted.watching);
    desk.operator.decide(operation.site.clone(), decision).await;
    api::operations(&*inventories(&desk).await?, &query).map(Json).map_err(bad)
}

async fn bans(State(desk): State<Desk>) -> Json<Bans> {
    Json(Bans { bans: desk.store.bans(desk.operator.now()) })
}

async fn ban(State(desk): State<Desk>, Json(wanted): Json<NewBan>) -> Result<Json<Bans>, Refused> {
    if wanted.seconds == 0 {
        return Err(Refused(StatusCode::BAD_REQUEST, "a ban needs a time to end after".to_owned()));
    }
    let site = wanted.site.as_ref();
    if let Some(site) = site.filter(|site| !desk.operator.status().policy.sites.contains(site)) {
        return Err(Refused(StatusCode::BAD_REQUEST, format!("the policy names no site `{site}`")));
    }
    Ok(Json(Bans { bans: vec![desk.ban(wanted)] }))
}

async fn unban(State(desk): State<Desk>, Json(wanted): Json<LiftBan>) -> Json<Lifted> {
    Json(Lifted { lifted: desk.unban(&wanted) })
}

/// Checks a condition over events.
fn condition(source: Option<&str>) -> Result<Option<Checked>, Refused> {
    let env = Env { place: Place::Event, lists: &[] };
    let checked = source.map(|source| check(source, &env)).transpose();
    checked.map_err(|problems| {
        Refused(StatusCode::BAD_REQUEST, explained(source.unwrap_or_default(), &problems))
    })
}

/// The mistakes of a condition, each under the place it is at.
pub fn explained(source: &str, problems: &[ExprProblem]) -> String {
    let mut text = String::from("the condition is not right:");
    for problem in problems {
        let before = source.get(..problem.span.start).map_or(0, |before| before.chars().count());
        let marked = source.get(problem.span.clone()).map_or(1, |part| part.chars().count().max(1));
        let marks = format!("{}{}", " ".repeat(before), "^".repeat(marked));
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {source}\n  {marks} {}", problem.message);
        if let Some(remedy) = &problem.remedy {
            let _ = write!(text, "\n  {remedy}");
        }
    }
    text
}
