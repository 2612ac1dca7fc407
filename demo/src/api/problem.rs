//! The API's own refusals (RFC 9457).

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A refusal: a status and a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    status: StatusCode,
    title: &'static str,
}

impl Problem {
    pub(super) const fn new(status: StatusCode, title: &'static str) -> Self {
        Self { status, title }
    }

    pub(super) const fn not_found(title: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, title)
    }

    pub(super) const fn unauthorized(title: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, title)
    }

    pub(super) const fn forbidden(title: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, title)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(json!({ "title": self.title, "status": self.status.as_u16() }));
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
