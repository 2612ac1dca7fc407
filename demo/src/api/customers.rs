//! What a signed-in customer sees of their own account, and the plans anyone may see.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::SignedIn;
use super::{Problem, Shared};
use crate::world::{self, Customer, PLANS, Plan, Sim};

const NO_CUSTOMER: Problem = Problem::not_found("No such customer");

/// What the present version of the API shows: neither PIN nor subscriber identity.
fn account(customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "number": customer.number,
        "name": customer.name,
        "email": customer.email,
        "plan": customer.plan,
    })
}

fn own(shared: &Shared, caller: &SignedIn, id: u32) -> Result<Customer, Problem> {
    caller.must_be(id)?;
    shared.world().customer(id).cloned().ok_or(NO_CUSTOMER)
}

pub(super) async fn plan(Path(id): Path<String>) -> Result<Json<Plan>, Problem> {
    PLANS.into_iter().find(|plan| plan.id == id).map(Json).ok_or(Problem::not_found("No such plan"))
}

pub(super) async fn show(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path(id): Path<u32>,
) -> Result<Json<Value>, Problem> {
    own(&shared, &caller, id).map(|customer| Json(account(&customer)))
}

/// What a customer may change.
#[derive(Deserialize)]
pub(super) struct Change {
    email: String,
}

pub(super) async fn change(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path(id): Path<u32>,
    Json(change): Json<Change>,
) -> Result<Json<Value>, Problem> {
    caller.must_be(id)?;
    let mut world = shared.world();
    let customer = world.customer_mut(id).ok_or(NO_CUSTOMER)?;
    customer.email = change.email;
    Ok(Json(account(customer)))
}

pub(super) async fn usage(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path(id): Path<u32>,
) -> Result<Json<Value>, Problem> {
    let customer = own(&shared, &caller, id)?;
    let used = |each: u32| customer.id * each % 1000;
    Ok(Json(json!({ "month": "2026-11", "minutes": used(7), "texts": used(3), "megabytes": used(31) * 9 })))
}

pub(super) async fn invoices(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path(id): Path<u32>,
) -> Result<Json<Value>, Problem> {
    own(&shared, &caller, id).map(|customer| Json(json!(world::invoices(&customer))))
}

pub(super) async fn invoice(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path((id, file)): Path<(u32, String)>,
) -> Result<impl IntoResponse, Problem> {
    let customer = own(&shared, &caller, id)?;
    let wanted = file.strip_suffix(".csv").unwrap_or_default();
    let found = world::invoices(&customer).into_iter().find(|invoice| invoice.id == wanted);
    let invoice = found.ok_or(Problem::not_found("No such invoice"))?;
    let text =
        format!("invoice,month,total_pence\n{},{},{}\n", invoice.id, invoice.month, invoice.total_pence);
    Ok(([(CONTENT_TYPE, "text/csv")], text))
}

pub(super) async fn sims(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path(id): Path<u32>,
) -> Result<Json<Vec<Sim>>, Problem> {
    caller.must_be(id)?;
    Ok(Json(shared.world().sims.iter().filter(|sim| sim.customer_id == id).cloned().collect()))
}

/// Deprecated: prepaid credit, from before there were plans.
pub(super) async fn balance(
    State(shared): State<Shared>,
    caller: SignedIn,
    Path(id): Path<u32>,
) -> Result<Json<Value>, Problem> {
    own(&shared, &caller, id).map(|customer| Json(json!({ "balancePence": customer.balance_pence })))
}
