//! The API as its callers meet it: what the contract declares is there, what it leaves out is there too.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may be loud")]

use std::time::Duration;

use portcullis_contract::{Contract, Found, Purpose, load};
use portcullis_demo::traffic::{Act, Form, Gateway, Report, Script, play};
use portcullis_document::MemorySources;
use tokio::net::TcpListener;

fn contract() -> Contract {
    let sources = MemorySources::new().file("openapi.yaml", include_str!("../openapi.yaml"));
    let loaded = load("kestrel", &["openapi.yaml"], Purpose::Check, &sources);
    assert_eq!(loaded.problems, []);
    loaded.contract.expect("no problem means a contract")
}

fn found(method: &str, path: &str) -> String {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match contract().find(&method.parse().unwrap(), &segments) {
        Found::Operation(operation, _) => operation.name.to_string(),
        Found::OtherMethod(_) => "other method".to_owned(),
        Found::Nothing => "nothing".to_owned(),
    }
}

/// Starts the API on a free port.
async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let router = portcullis_demo::api::router().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[test]
fn the_contract_leaves_out_what_was_forgotten() {
    assert_eq!(found("GET", "/v1/customers/1001"), "GET /v1/customers/{customerId}");
    assert_eq!(
        found("GET", "/v1/customers/1001/invoices/KM-1001-10.csv"),
        "GET /v1/customers/{customerId}/invoices/{invoiceId}.csv"
    );
    for (method, path) in [
        ("GET", "/v0/customers/1001"),
        ("GET", "/v1/internal/export"),
        ("GET", "/v1/debug/config"),
        ("POST", "/v1/customers/1001/credit"),
    ] {
        assert_eq!(found(method, path), "nothing", "{method} {path}");
    }
    let deprecated: Vec<_> =
        contract().operations().iter().filter(|one| one.deprecated).map(|one| one.name.to_string()).collect();
    assert_eq!(deprecated, ["GET /v1/customers/{customerId}/balance"]);
}

/// Plays the story straight to the API: nothing stops anybody but the API itself.
#[tokio::test]
async fn without_a_gateway_the_stranger_reads_everything() {
    let script = Script {
        gateway: Gateway::parse(&start().await, Some("api.kestrel.example")).unwrap(),
        partner_key: None,
        rounds: 2,
        pace: Duration::ZERO,
    };
    let mut told = Vec::new();
    let mut report = Report::new(Form::Words, &mut told);
    play(&script, &mut report).await.unwrap();
    let acts = report.acts().to_vec();
    let outcomes: Vec<String> = acts.iter().map(Act::outcome).collect();
    assert_eq!(
        outcomes,
        [
            "all 78 answered",
            "all 7 answered",
            "9 × 401 who are you?", // nobody vouches for the partner
            "all 5 answered",
            "9 × 401 who are you?",
            "5 answered, 2 × 401 who are you?, 4 × 404 not found, 1 × 415 not understood",
            "all 40 answered",
        ]
    );
    assert_eq!(acts.last().unwrap().remarks, ["They read 40 customers, 40 of them with their PIN."]);
    let words = String::from_utf8(told).unwrap();
    assert!(words.starts_with("1. Six customers open their app"), "{words}");
}
