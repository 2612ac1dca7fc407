//! Checks of upstream servers by gRPC, which need HTTP/2 behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use crate::behind::{Behind, site_on};
use crate::stage::{Files, Stage};

/// `SERVING` and `NOT_SERVING` of gRPC's health service.
const STATES: [u8; 2] = [1, 2];

#[tokio::test]
async fn a_server_says_by_grpc_how_it_is() {
    let state = Arc::new(AtomicU8::new(STATES[0]));
    let said = Arc::clone(&state);
    let behind = Behind::http2(move |request: Request<Incoming>| {
        let state = said.load(Ordering::SeqCst);
        async move {
            let (parts, body) = request.into_parts();
            assert_eq!(parts.uri.path(), "/grpc.health.v1.Health/Check");
            assert_eq!(body.collect().await.unwrap().to_bytes(), [0_u8; 5][..]);
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let body = Full::new(vec![0, 0, 0, 0, 2, 8, state].into());
            Response::builder()
                .header("content-type", "application/grpc")
                .body(body.with_trailers(async { Some(Ok(trailers)) }))
                .unwrap()
        }
    })
    .await;
    let checks = "health: { check: grpc, every: 10ms, down_after: 1, up_after: 1 }";
    let stage = Stage::start(&site_on(&[behind.address], checks, ""), Files::default()).await;
    let down = format!("portcullis_upstream_down{{site=\"shop\",server=\"http://{}\"}}", behind.address);
    for (says, value) in [(STATES[1], "1"), (STATES[0], "0")] {
        state.store(says, Ordering::SeqCst);
        stage.metric_becomes(&down, value).await;
    }
    assert_eq!(stage.gateway.servers()[0].state.as_str(), "up");
}
