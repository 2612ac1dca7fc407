//! What a request's fields are on the upstream's side, and a response's on the client's.

use http::Response;
use http_body_util::Full;

use crate::behind::{Behind, read_head, site_on, write};
use crate::stage::{Files, Stage, get, plain, policy, raw};

/// Sends one request with these fields and gives what the upstream saw.
async fn forwarded(stage: &Stage, fields: &str) -> http::HeaderMap {
    let request = get("/fields?q=1").replace("Connection: close\r\n", &format!("{fields}\r\n"));
    let mut wire = plain(stage.address()).await;
    wire.send(request).await;
    wire.read_until("GET /fields?q=1 0").await;
    stage.upstream.seen().last().unwrap().headers.clone()
}

fn all(fields: &http::HeaderMap, name: &str) -> String {
    fields.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(" | ")
}

#[tokio::test]
async fn what_belongs_to_one_hop_goes_no_further() {
    let stage = Stage::plain().await;
    let fields = forwarded(
        &stage,
        "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic x\r\n\
         Proxy-Connection: keep-alive\r\nTE: gzip\r\nX-End: 2\r\nVia: 1.0 before",
    )
    .await;
    for gone in ["x-hop", "keep-alive", "proxy-authorization", "proxy-connection", "te", "connection"] {
        assert!(fields.get(gone).is_none(), "{gone}: {fields:?}");
    }
    assert_eq!(all(&fields, "x-end"), "2");
    assert_eq!(all(&fields, "via"), "1.0 before | 1.1 portcullis");
    assert_eq!(all(&fields, "host"), "shop.example");
}

#[tokio::test]
async fn who_asked_is_not_for_a_stranger_to_say() {
    let stage = Stage::plain().await;
    let fields = forwarded(
        &stage,
        "X-Forwarded-For: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.2\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 10.0.0.3\r\n\
         X-Forwarded-Host: evil.example\r\nForwarded: for=10.0.0.4\r\nX-Forwarded-User: admin\r\n\
         X-Forwarded-Client-Cert: By=x\r\nX-Forwarded_Groups: root",
    )
    .await;
    assert_eq!(all(&fields, "x-forwarded-for"), "127.0.0.1");
    assert_eq!(all(&fields, "x-forwarded-proto"), "http");
    assert_eq!(all(&fields, "x-forwarded-host"), "shop.example");
    assert_eq!(all(&fields, "forwarded"), "for=127.0.0.1;host=shop.example;proto=http");
    for gone in
        ["x_forwarded_for", "x-real-ip", "x-forwarded-user", "x-forwarded-client-cert", "x-forwarded_groups"]
    {
        assert!(fields.get(gone).is_none(), "{gone}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_and_added_to() {
    let more = "client_ip: { header: x-forwarded-for, trusted: [127.0.0.0/8] }";
    let stage = Stage::start(&policy("127.0.0.1:0", more), Files::default()).await;
    let said =
        "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=203.0.113.9;proto=https";
    let fields = forwarded(&stage, said).await;
    assert_eq!(all(&fields, "x-forwarded-for"), "203.0.113.9, 127.0.0.1");
    assert_eq!(all(&fields, "x-forwarded-proto"), "https");
    assert_eq!(
        all(&fields, "forwarded"),
        "for=203.0.113.9;proto=https, for=127.0.0.1;host=shop.example;proto=http"
    );
    assert_eq!(stage.event().await.caller.ip.to_string(), "203.0.113.9");
}

#[tokio::test]
async fn the_header_that_names_clients_is_for_trusted_proxies_alone() {
    for (trusted, passes) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let more = format!("client_ip: {{ header: cf-connecting-ip, trusted: [{trusted}] }}");
        let stage = Stage::start(&policy("127.0.0.1:0", &more), Files::default()).await;
        let fields = forwarded(&stage, "CF-Connecting-IP: 203.0.113.9").await;
        assert_eq!(fields.contains_key("cf-connecting-ip"), passes, "{trusted}");
        assert_eq!(stage.event().await.caller.ip.to_string() == "203.0.113.9", passes, "{trusted}");
    }
}

#[tokio::test]
async fn an_identity_is_for_the_gateway_alone_to_name_in_any_spelling() {
    let rule = "{ name: who, when: 'path == \"/known\"', headers: { set: { X-User-Id: 'proven' } } }";
    let stage = Stage::start(&policy("127.0.0.1:0", &format!("rules: [{rule}]")), Files::default()).await;
    let forged = "X-User-Id: admin\r\nX_User_Id: admin\r\nx-USER_id: admin";
    // Also where the rule does not apply.
    for (path, expected) in [("/unknown", ""), ("/known", "x-user-id: proven")] {
        let request = get(path).replace("Connection: close", &format!("Connection: close\r\n{forged}"));
        assert!(raw(stage.address(), request).await.starts_with("HTTP/1.1 200 "), "{path}");
        let seen = stage.upstream.seen().last().unwrap().headers.clone();
        let named: Vec<_> = seen
            .iter()
            .filter(|(name, _)| name.as_str().replace('_', "-") == "x-user-id")
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(named.join(" | "), expected, "{path}");
    }
}

#[tokio::test]
async fn the_normal_form_that_was_judged_is_what_is_sent() {
    let stage = Stage::plain().await;
    let request = get("/a/./b/../%7Euser?x=%41&y").replace("shop.example", "SHOP.example:8080");
    assert!(raw(stage.address(), request).await.starts_with("HTTP/1.1 200 "));
    let seen = &stage.upstream.seen()[0];
    assert_eq!(seen.target, "/a/~user?x=%41&y");
    assert_eq!(all(&seen.headers, "host"), "shop.example:8080");
}

#[tokio::test]
async fn a_response_loses_what_belongs_to_its_hop_or_leads_past_the_gateway() {
    let behind = Behind::http1(|_| async {
        Response::builder()
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("alt-svc", "h3=\":443\"")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body(Full::<bytes::Bytes>::from("ok"))
            .unwrap()
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    let answer = raw(stage.address(), get("/")).await;
    assert!(!answer.contains("x-hop") && !answer.contains("alt-svc"), "{answer}");
    assert!(answer.contains("set-cookie: a=1\r\nset-cookie: b=2"), "{answer}");
}

#[tokio::test]
async fn connections_are_kept_and_shared_by_all_clients() {
    let behind = Behind::raw(|_, mut stream| async move {
        while let Some(head) = read_head(&mut stream).await {
            let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
            let sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            write(&mut stream, if head.contains("chunked") { chunked } else { sized }).await;
        }
    })
    .await;
    let stage = Stage::start(&site_on(&[behind.address], "", ""), Files::default()).await;
    for target in ["/", "/chunked", "/", "/chunked", "/"] {
        assert!(raw(stage.address(), get(target)).await.contains("ok"));
    }
    assert_eq!(behind.connections(), 1);
    assert!(stage.event().await.upstream.as_ref().is_some_and(|upstream| !upstream.reused));
    assert!(stage.event().await.upstream.as_ref().is_some_and(|upstream| upstream.reused));
}

#[tokio::test]
async fn a_reload_keeps_what_did_not_change_and_finishes_what_was_begun() {
    let behind = Behind::http1(|_| async { Response::new(Full::<bytes::Bytes>::from("ok")) }).await;
    let same = site_on(&[behind.address], "", "");
    let stage = Stage::start(&same, Files::default()).await;
    assert!(raw(stage.address(), get("/")).await.ends_with("ok"));
    stage.gateway.reload(stage.compiled(&same)).unwrap();
    assert!(raw(stage.address(), get("/")).await.ends_with("ok"));
    assert_eq!(behind.connections(), 1, "the upstream did not change, so its connections stay");
    stage.gateway.reload(stage.compiled(&site_on(&[behind.address], "retries: 3", ""))).unwrap();
    assert!(raw(stage.address(), get("/")).await.ends_with("ok"));
    assert_eq!(behind.connections(), 2);
}

#[tokio::test]
async fn a_gateway_opens_no_tunnels() {
    let stage = Stage::plain().await;
    let mut wire = plain(stage.address()).await;
    wire.send("CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n").await;
    let answer = wire.read_until("\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"), "{answer}");
    assert_eq!(stage.upstream.bytes(), 0);
}

#[tokio::test]
async fn asterisk_form_goes_on_as_it_is() {
    let stage = Stage::plain().await;
    let answer = raw(stage.address(), get("*").replace("GET", "OPTIONS")).await;
    assert!(answer.ends_with("OPTIONS * 0"), "{answer}");
}
