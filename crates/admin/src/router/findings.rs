//! Questions about findings.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use portcullis_events::findings::FindingsError;
use portcullis_events::{FindingQuery, Findings};
use portcullis_model::FindingId;
use portcullis_model::finding::Finding;

use super::Refused;
use crate::api::{FoundFindings, MarkFinding};
use crate::desk::Desk;

pub(super) async fn list(
    State(desk): State<Desk>,
    Query(asked): Query<FindingQuery>,
) -> Result<Json<FoundFindings>, Refused> {
    let now = desk.operator.now();
    let findings = ask(&desk, move |findings| findings.list(&asked, now)).await?;
    Ok(Json(FoundFindings { findings }))
}

pub(super) async fn find(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<FoundFindings>, Refused> {
    let findings: Vec<Finding> = ask(&desk, move |findings| findings.find(&id)).await?;
    Ok(Json(FoundFindings { findings }))
}

pub(super) async fn mark(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Json(said): Json<MarkFinding>,
) -> Result<Json<FoundFindings>, Refused> {
    let state = said.state(desk.operator.now());
    let unknown = Refused(StatusCode::NOT_FOUND, format!("there is no finding {id}"));
    let marked = ask(&desk, move |findings| findings.mark(&FindingId::new(id), &state)).await?;
    Ok(Json(FoundFindings { findings: vec![marked.ok_or(unknown)?] }))
}

/// Asks on a thread that may wait for the disk.
async fn ask<T: Send + 'static>(
    desk: &Desk,
    question: impl FnOnce(&Findings) -> Result<T, FindingsError> + Send + 'static,
) -> Result<T, Refused> {
    let findings = desk.findings.clone();
    let unavailable = |why: String| Refused(StatusCode::SERVICE_UNAVAILABLE, why);
    match tokio::task::spawn_blocking(move || question(&findings)).await {
        Ok(answer) => answer.map_err(|error| unavailable(error.to_string())),
        Err(_) => Err(unavailable("the question about findings was broken off".to_owned())),
    }
}
