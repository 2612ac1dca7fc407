//! Refusals as programs and as people get them.

use portcullis_model::EventId;
use smallvec::smallvec;
use std::sync::Arc;

use super::*;

fn refusal() -> Refusal {
    Refusal {
        status: 403,
        title: "The request was refused",
        headers: smallvec![],
        body: None,
        page: None,
        prove: None,
        id: EventId::from_u128(7),
        connection: Connection::Keep,
    }
}

fn check(refusal: &Refusal, accept: &str) -> (Response<()>, String) {
    let (parts, body) = render(refusal, &[("Accept", accept.to_owned())].into_iter().collect()).into_parts();
    (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn a_program_gets_a_problem_document() {
    let refusal = refusal();
    let (response, body) = check(&refusal, "application/json");
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let document: serde_json::Value = serde_json::from_str(&body).unwrap();
    let id = refusal.id.to_string();
    assert_eq!(document["status"], 403);
    assert_eq!(document["title"], "The request was refused");
    assert_eq!(document["event"], id.as_str());
    assert_eq!(response.headers()["x-portcullis-event"], id.as_str());
}

#[test]
fn a_person_gets_a_page_of_the_site_or_ours() {
    let mut refusal = refusal();
    let (response, body) = check(&refusal, "text/html");
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert!(body.contains(&refusal.id.to_string()) && body.contains("The request was refused"), "{body}");
    assert!(!body.contains("{id}") && !body.contains("{status}") && !body.contains("{title}"));
    refusal.page = Some(Arc::from("<b>{status} {id}</b>"));
    assert_eq!(check(&refusal, "text/html").1, format!("<b>403 {}</b>", refusal.id));
}

#[test]
fn a_rule_may_answer_for_itself() {
    let mut refusal = refusal();
    refusal.body = Some(Arc::from("{\"mine\":true}"));
    refusal.headers = smallvec![
        ("content-type".into(), "application/json".to_owned()),
        ("retry-after".into(), "7".to_owned())
    ];
    refusal.connection = Connection::Close;
    let (response, body) = check(&refusal, "text/html");
    assert_eq!(body, "{\"mine\":true}");
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["connection"], "close");
}
