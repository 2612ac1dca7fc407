//! Streams: events as they happen, protocol changes, gRPC over HTTP/2, TLS to the upstream.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portcullis_model::call::CallOutcome;
use portcullis_model::event::End;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use crate::behind::{Behind, read_head, read_until, site_at, site_on, write};
use crate::stage::{Authority, Files, Leaf, Stage, get, plain, raw};

type Piped = Channel<Bytes, std::convert::Infallible>;

#[tokio::test]
async fn each_event_arrives_before_the_next_is_sent() {
    let seen = Arc::new(Notify::new());
    let wait = Arc::clone(&seen);
    let behind = Behind::http1(move |_| {
        let wait = Arc::clone(&wait);
        async move {
            let (mut sender, body) = Piped::new(1);
            tokio::spawn(async move {
                for number in 0..3 {
                    sender.send_data(format!("data: {number}\n\n").into()).await.unwrap();
                    wait.notified().await;
                }
            });
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send(get("/events")).await;
    for number in 0..3 {
        wire.read_until(&format!("data: {number}\n\n")).await;
        seen.notify_one();
    }
    wire.read_to_end().await;
    assert_eq!(stage.event().await.end, End::Complete);
}

#[tokio::test]
async fn a_long_exchange_is_reported_while_it_goes_on() {
    let done = Arc::new(Notify::new());
    let wait = Arc::clone(&done);
    let behind = Behind::http1(move |_| {
        let wait = Arc::clone(&wait);
        async move {
            let (mut sender, body) = Piped::new(1);
            tokio::spawn(async move {
                sender.send_data(Bytes::from_static(b"begun")).await.unwrap();
                wait.notified().await;
            });
            Response::new(body)
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send(get("/long")).await;
    wire.read_until("begun").await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    let report = stage.event().await;
    assert_eq!((report.progress, report.end), (Some(1), End::Ongoing));
    assert_eq!(report.response.as_ref().map(|response| response.body_bytes), Some(5));
    done.notify_one();
    wire.read_to_end().await;
    let last = stage.event().await;
    assert_eq!((last.id, last.progress, last.end), (report.id, None, End::Complete));
}

const UPGRADE: &str =
    "GET /ws HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

#[tokio::test]
async fn a_websocket_echoes() {
    let behind = Behind::raw(|_, stream| async move {
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.unwrap();
            }
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let stream = TcpStream::connect(stage.address()).await.unwrap();
    let (mut socket, response) =
        tokio_tungstenite::client_async("ws://shop.example/ws", stream).await.unwrap();
    assert_eq!(response.status(), 101);
    for word in ["hello", "again"] {
        socket.send(Message::text(word)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(word));
    }
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    drop(socket);
    let event = stage.event().await;
    assert_eq!(
        (event.end, event.response.as_ref().map(|response| response.status)),
        (End::Complete, Some(101))
    );
    // Two frames of five bytes and a close: masked from the client (6 bytes a head), not from the server (2).
    assert!(
        event.request.body_bytes >= 22 && event.response.as_ref().unwrap().body_bytes >= 14,
        "{event:#?}"
    );
    assert!(event.not_inspected.iter().any(|what| what.what == "tunnel"));
}

#[tokio::test]
async fn bytes_sent_right_behind_both_heads_are_not_lost() {
    let behind = Behind::raw(|_, mut stream| async move {
        let head = read_head(&mut stream).await.unwrap();
        assert!(!head.contains("early"), "{head}");
        write(&mut stream, format!("{SWITCHING}first")).await;
        let early = read_until(&mut stream, "early").await.unwrap();
        write(&mut stream, format!("heard {early}")).await;
        read_until(&mut stream, "bye").await;
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send(format!("{UPGRADE}early")).await;
    let told = wire.read_until("heard early").await;
    assert!(told.starts_with("HTTP/1.1 101 ") && told.contains("\r\n\r\nfirst"), "{told}");
    wire.send("bye").await;
    assert_eq!(wire.read_to_end().await, "");
}

#[tokio::test]
async fn a_refused_change_leaves_http_behind_it_in_step() {
    let behind = Behind::raw(|_, mut stream| async move {
        while read_head(&mut stream).await.is_some() {
            write(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno").await;
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let mut wire = plain(stage.address()).await;
    wire.send(format!("{UPGRADE}{}", get("/next"))).await;
    let answers = wire.read_to_end().await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
}

#[tokio::test]
async fn a_change_to_another_http_is_not_passed_on() {
    let stage = Stage::plain().await;
    let mut wire = plain(stage.address()).await;
    let request = get("/x").replace("close", "close, upgrade, http2-settings");
    wire.send(request.replace("\r\n\r\n", "\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"))
        .await;
    assert!(wire.read_to_end().await.starts_with("HTTP/1.1 200 "));
    let seen = &stage.upstream.seen()[0];
    assert!(
        seen.headers.get("upgrade").is_none() && seen.headers.get("http2-settings").is_none(),
        "{seen:?}"
    );
}

#[tokio::test]
async fn grpc_trailers_pass_both_ways_and_messages_cross() {
    let behind = Behind::http2(|request: Request<hyper::body::Incoming>| async move {
        assert_eq!(request.version(), http::Version::HTTP_2);
        assert_eq!(request.headers().get("te").unwrap(), "trailers");
        let status =
            HeaderValue::from_static(if request.uri().path().ends_with("Chat") { "0" } else { "13" });
        let mut incoming = request.into_body();
        let (mut sender, body) = Piped::new(4);
        tokio::spawn(async move {
            let mut sum = HeaderValue::from_static("none");
            while let Some(Ok(frame)) = incoming.frame().await {
                match frame.into_data() {
                    Ok(data) => sender.send_data([b"re:", &data[..]].concat().into()).await.unwrap(),
                    Err(frame) => sum = frame.into_trailers().unwrap().get("x-sum").unwrap().clone(),
                }
            }
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status);
            trailers.insert("x-sum", sum);
            sender.send_trailers(trailers).await.unwrap();
        });
        Response::builder().header("content-type", "application/grpc").body(body).unwrap()
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let stream = TokioIo::new(TcpStream::connect(stage.address()).await.unwrap());
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    for (method, status, outcome) in
        [("Chat", "0", CallOutcome::Answered), ("Fail", "13", CallOutcome::Failed)]
    {
        let (mut sender, body) = Piped::new(4);
        let request = Request::post(format!("http://shop.example/pkg.Service/{method}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(body)
            .unwrap();
        let mut answer = client.send_request(request).await.unwrap().into_body();
        for message in ["one", "two"] {
            sender.send_data(Bytes::from(message)).await.unwrap();
            let frame = answer.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(frame, format!("re:{message}"), "messages cross while both sides go on");
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("6"));
        sender.send_trailers(trailers).await.unwrap();
        drop(sender);
        let trailers = answer.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!([&trailers["grpc-status"], &trailers["x-sum"]], [status, "6"]);
        let event = stage.event().await;
        assert_eq!((event.end, event.request.body_bytes), (End::Complete, 6));
        let spoken = stage.observation().await.speaking.expect("it is gRPC");
        assert_eq!(spoken.outcome, outcome, "what is said after the answer began is learned");
    }
}

#[tokio::test]
async fn an_upstream_over_tls_is_verified_and_spoken_to_in_http2() {
    let authority = Authority::new("the upstream's authority");
    let behind = over_tls(&authority.issue(&["shop.internal"])).await;
    let servers = format!("https://{}", behind.address);
    let trusting = site_at(&servers, "tls: { ca: ca.pem, server_name: shop.internal }, retries: 0", "");
    let files = Files::default();
    files.lock().insert("ca.pem".into(), authority.pem().into());
    let stage = Stage::start(&trusting, files).await;
    for _ in 0..2 {
        assert!(raw(stage.address(), get("/")).await.ends_with("HTTP/2.0"));
    }
    assert_eq!(behind.connections(), 1);

    let files = Files::default();
    files.lock().insert("ca.pem".into(), Authority::new("somebody else").pem().into());
    let stage = Stage::start(&trusting, files).await;
    assert!(raw(stage.address(), get("/")).await.starts_with("HTTP/1.1 502 "));
    assert_eq!(stage.event().await.reasons[0].code, "upstream.tls");
}

/// A server that takes HTTP/2 by ALPN and answers with the version it was asked in.
async fn over_tls(leaf: &Leaf) -> Behind {
    let chain = vec![CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    Behind::raw(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let answer = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(format!(
                    "{:?}",
                    request.version()
                ))))
            });
            let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = served.serve_connection(TokioIo::new(stream), answer).await;
        }
    })
    .await
}
