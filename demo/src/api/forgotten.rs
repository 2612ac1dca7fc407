//! What is live and in no contract: each was somebody's good idea once.

use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::session::SignedIn;
use super::{Problem, Shared};
use crate::world::Customer;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/v0/customers/{id}", get(old_customer))
        .route("/v1/internal/export", get(export))
        .route("/v1/debug/config", get(config))
        .route("/v1/customers/{id}/credit", post(credit))
}

/// The first version: it asks for no token and hides nothing. One old app still uses it.
async fn old_customer(State(shared): State<Shared>, Path(id): Path<u32>) -> Result<Json<Customer>, Problem> {
    shared.world().customer(id).cloned().map(Json).ok_or(Problem::not_found("No such customer"))
}

/// The nightly export of a reporting tool that was replaced long ago.
async fn export(State(shared): State<Shared>) -> impl IntoResponse {
    let mut text = String::from("id,number,name,email\n");
    for customer in &shared.world().customers {
        text.push_str(&format_row(customer));
    }
    ([(CONTENT_TYPE, "text/csv")], text)
}

fn format_row(customer: &Customer) -> String {
    format!("{},{},{},{}\n", customer.id, customer.number, customer.name, customer.email)
}

/// Left in from an evening of debugging.
async fn config() -> Json<Value> {
    Json(json!({
        "database": "postgres://kestrel:not-a-real-password@10.20.0.4/kestrel",
        "features": { "v0": true, "credit": true },
    }))
}

/// Goodwill credit, meant for the call centre; any signed-in customer can give it to themselves.
async fn credit(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path(id): Path<u32>,
) -> Result<Json<Value>, Problem> {
    caller.must_be(id)?;
    let mut world = shared.world();
    let customer = world.customer_mut(id).ok_or(Problem::not_found("No such customer"))?;
    customer.balance_pence += 500;
    Ok(Json(json!({ "balancePence": customer.balance_pence })))
}
