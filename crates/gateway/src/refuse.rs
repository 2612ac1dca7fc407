//! The gateway's own answers: the one place where a refusal becomes a response.
//!
//! Programs get a problem document (RFC 9457), people a page, chosen by `Accept` (RFC 9110 §12.5.1); both carry
//! the event's id and a sentence that depends on the status alone. Invariant: nothing here tells which rule, limit
//! or list decided, nor anything the client sent. Deliberately absent: why; the event says that.

mod challenge;
mod form;

use std::fmt::Write;

use bytes::Bytes;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode};
use portcullis_engine::{Connection, Prove, Refusal};
use portcullis_model::Headers;

use form::{Form, preferred};

/// The page for people where the site has none of its own.
const PAGE: &str = include_str!("refuse/page.html");
/// The one for people whose login came to nothing.
const LOGIN: &str = include_str!("refuse/login.html");
/// What that page may do (CSP 3): look as it does.
const LOGIN_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Names the event in the response, whatever its form; also what an operator's proxy in front can log.
const EVENT_ID: HeaderName = HeaderName::from_static("x-portcullis-event");

/// Renders a refusal for whoever sent these fields.
pub(crate) fn render(refusal: &Refusal, request: &Headers) -> Response<Bytes> {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
    let form = match refusal.prove {
        Some(Prove::Page(_)) => Form::Page,
        Some(Prove::Elsewhere) => Form::Problem,
        Some(Prove::Login(_)) | None => preferred(request.all("accept")),
    };
    let (content_type, body) = match (&refusal.body, form) {
        (Some(own), _) => ("text/plain; charset=utf-8", Bytes::from(own.to_string())),
        (None, Form::Page) => ("text/html; charset=utf-8", page(refusal).into()),
        (None, Form::Problem) => ("application/problem+json", problem(refusal).into()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    set_fields(response.headers_mut(), refusal, content_type);
    response
}

fn set_fields(fields: &mut HeaderMap, refusal: &Refusal, content_type: &'static str) {
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(VARY, HeaderValue::from_name(ACCEPT));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::try_from(refusal.id.to_string()) {
        fields.insert(EVENT_ID, id);
    }
    if let Some(Prove::Page(page)) = &refusal.prove
        && let Ok(policy) = HeaderValue::try_from(challenge::policy(page))
    {
        fields.insert(CONTENT_SECURITY_POLICY, policy);
        fields.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if let Some(Prove::Login(_)) = &refusal.prove {
        fields.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(LOGIN_POLICY));
        fields.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if refusal.connection == Connection::Close {
        fields.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in &refusal.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
        {
            // Each cookie is a field of its own (RFC 6265 §3).
            if name == SET_COOKIE {
                fields.append(name, value);
            } else {
                fields.insert(name, value);
            }
        }
    }
}

/// The problem document; its members need no escaping (a fixed sentence, a number, an id).
fn problem(refusal: &Refusal) -> String {
    let Refusal { status, title, id, .. } = refusal;
    let (kind, detail) = match refusal.prove {
        Some(Prove::Page(_) | Prove::Elsewhere) => {
            (challenge::PROBLEM.0, format!(r#","detail":"{}""#, challenge::PROBLEM.1))
        }
        Some(Prove::Login(_)) | None => ("about:blank", String::new()),
    };
    let mut text = String::with_capacity(160);
    // Writing to a `String` cannot fail.
    let _ = write!(
        text,
        r#"{{"type":"{kind}","title":"{title}","status":{status}{detail},"instance":"urn:portcullis:event:{id}","event":"{id}"}}"#
    );
    text.push('\n');
    text
}

fn page(refusal: &Refusal) -> String {
    if let Some(Prove::Page(challenge)) = &refusal.prove {
        return challenge::page(refusal, challenge);
    }
    if let Some(Prove::Login(back)) = &refusal.prove {
        // What the client sent comes last, so that nothing in it is filled in.
        return LOGIN.replace("{id}", &refusal.id.to_string()).replace("{back}", &escape(back));
    }
    let page = refusal.page.as_deref().unwrap_or(PAGE);
    page.replace("{status}", &refusal.status.to_string())
        .replace("{title}", &escape(refusal.title))
        .replace("{id}", &refusal.id.to_string())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests;
