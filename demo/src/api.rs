//! The API: its paths, declared and forgotten, over one shared world.

mod customers;
mod forgotten;
mod partner;
mod problem;
mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use serde_json::json;

use crate::world::{PLANS, World};
use problem::Problem;
use session::Tokens;

/// What every handler sees.
#[derive(Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    tokens: Arc<Tokens>,
}

impl Shared {
    /// The world, locked; a panic elsewhere left it as usable as before.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole API over a fresh world.
pub fn router() -> anyhow::Result<Router> {
    let shared = Shared { world: Arc::new(Mutex::new(World::new())), tokens: Arc::new(Tokens::new()?) };
    Ok(declared().merge(forgotten::router()).fallback(nothing_here).with_state(shared))
}

/// What the contract declares.
fn declared() -> Router<Shared> {
    Router::new()
        .route("/v1/health", get(|| async { Json(json!({ "status": "up" })) }))
        .route("/v1/plans", get(|| async { Json(PLANS) }))
        .route("/v1/plans/{plan}", get(customers::plan))
        .route("/v1/sessions", post(session::sign_in))
        .route("/v1/customers/{id}", get(customers::show).merge(patch(customers::change)))
        .route("/v1/customers/{id}/usage", get(customers::usage))
        .route("/v1/customers/{id}/invoices", get(customers::invoices))
        .route("/v1/customers/{id}/invoices/{file}", get(customers::invoice))
        .route("/v1/customers/{id}/sims", get(customers::sims))
        .route("/v1/customers/{id}/balance", get(customers::balance))
        .route("/v1/sims/{iccid}/activation", post(partner::activate))
        .route("/v1/portings/{number}", put(partner::port))
}

async fn nothing_here() -> Problem {
    Problem::not_found("There is nothing at this path")
}
