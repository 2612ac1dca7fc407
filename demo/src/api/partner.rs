//! What partner shops do: activate SIM cards, bring numbers over from other networks.
//!
//! Who calls is told by `X-Kestrel-Partner`, which the gateway sets from the key it checked and removes where a
//! client sends it. Without a gateway in front, nobody would be safe to believe.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, Shared};

fn partner(headers: &HeaderMap) -> Result<&str, Problem> {
    let named = headers.get("x-kestrel-partner").and_then(|value| value.to_str().ok());
    named.filter(|name| !name.is_empty()).ok_or(Problem::unauthorized("For partners only"))
}

pub(super) async fn activate(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(iccid): Path<String>,
) -> Result<Json<Value>, Problem> {
    let by = partner(&headers)?;
    let mut world = shared.world();
    let sim =
        world.sims.iter_mut().find(|sim| sim.iccid == iccid).ok_or(Problem::not_found("No such SIM card"))?;
    sim.active = true;
    Ok(Json(json!({ "iccid": sim.iccid, "active": true, "activatedBy": by })))
}

/// Where a number comes from, and whose it becomes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Porting {
    customer_id: u32,
    from_network: String,
}

pub(super) async fn port(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(number): Path<String>,
    Json(porting): Json<Porting>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let by = partner(&headers)?;
    let mut world = shared.world();
    let customer = world.customer_mut(porting.customer_id).ok_or(Problem::not_found("No such customer"))?;
    let order =
        json!({ "number": number, "from": porting.from_network, "for": customer.id, "orderedBy": by });
    Ok((StatusCode::ACCEPTED, Json(order)))
}
