//! Every ambiguous framing, sent byte for byte: refused by its name, and nothing of it reached the upstream.

use crate::stage::{Stage, get, plain, raw};

/// What each request shows, the request, the reason it is refused for, and the status it is answered with.
const CASES: &[(&str, &str, &str, u16)] = &[
    (
        "both lengths",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "framing.content_length_and_transfer_encoding",
        400,
    ),
    (
        "both, the other way round",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "framing.content_length_and_transfer_encoding",
        400,
    ),
    (
        "lengths that differ",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "framing.repeated_content_length",
        400,
    ),
    (
        "lengths that agree",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "framing.repeated_content_length",
        400,
    ),
    (
        "a list of lengths",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5, 5\r\n\r\nhello",
        "framing.repeated_content_length",
        400,
    ),
    (
        "a signed length",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: +5\r\n\r\nhello",
        "framing.content_length",
        400,
    ),
    (
        "a negative length",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: -1\r\n\r\nhello",
        "framing.content_length",
        400,
    ),
    (
        "a hexadecimal length",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 0x5\r\n\r\nhello",
        "framing.content_length",
        400,
    ),
    (
        "a length out of range",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        "framing.content_length",
        400,
    ),
    (
        "an empty length",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: \r\n\r\nhello",
        "framing.content_length",
        400,
    ),
    (
        "a length in disguise",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent_Length: 5\r\n\r\nhello",
        "framing.disguised_field",
        400,
    ),
    (
        "an unknown encoding",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        "framing.unknown_transfer_encoding",
        501,
    ),
    (
        "identity",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: identity\r\n\r\nhello",
        "framing.unknown_transfer_encoding",
        501,
    ),
    (
        "gzip, chunked",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "framing.unknown_transfer_encoding",
        501,
    ),
    (
        "chunked with a vertical tab",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "framing.control_character",
        400,
    ),
    (
        "chunked twice in a list",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "framing.repeated_transfer_encoding",
        400,
    ),
    (
        "chunked twice in fields",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "framing.repeated_transfer_encoding",
        400,
    ),
    (
        "chunked on HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "framing.transfer_encoding_on_http_1_0",
        400,
    ),
    (
        "a space before the colon",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length : 5\r\n\r\nhello",
        "framing.space_before_colon",
        400,
    ),
    (
        "a tab before the colon",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "framing.space_before_colon",
        400,
    ),
    (
        "a folded field",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nX: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "framing.obs_fold",
        400,
    ),
    ("a folded first field", "GET / HTTP/1.1\r\n Host: shop.example\r\n\r\n", "framing.obs_fold", 400),
    ("a bare line feed", "GET / HTTP/1.1\nHost: shop.example\r\n\r\n", "framing.bare_lf", 400),
    (
        "a bare line feed between fields",
        "GET / HTTP/1.1\r\nHost: shop.example\nX: y\r\n\r\n",
        "framing.bare_lf",
        400,
    ),
    (
        "a bare carriage return",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\rContent-Length: 5\r\n\r\n",
        "framing.bare_cr",
        400,
    ),
    ("a NUL", "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\0b\r\n\r\n", "framing.nul", 400),
    (
        "another control character",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nX: a\x08b\r\n\r\n",
        "framing.control_character",
        400,
    ),
    (
        "a field without a colon",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nnonsense\r\n\r\n",
        "framing.field_name",
        400,
    ),
    ("an empty field name", "GET / HTTP/1.1\r\nHost: shop.example\r\n: x\r\n\r\n", "framing.field_name", 400),
    ("no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", "framing.missing_host", 400),
    ("no host on HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "framing.missing_host", 400),
    (
        "two hosts",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: other.example\r\n\r\n",
        "framing.repeated_host",
        400,
    ),
    (
        "the same host twice",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nHost: shop.example\r\n\r\n",
        "framing.repeated_host",
        400,
    ),
    ("an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "framing.malformed_host", 400),
    ("a host with a path", "GET / HTTP/1.1\r\nHost: shop.example/x\r\n\r\n", "framing.malformed_host", 400),
    (
        "a host with user information",
        "GET / HTTP/1.1\r\nHost: a@shop.example\r\n\r\n",
        "framing.malformed_host",
        400,
    ),
    (
        "a list of hosts",
        "GET / HTTP/1.1\r\nHost: shop.example, other.example\r\n\r\n",
        "framing.malformed_host",
        400,
    ),
    (
        "absolute-form for another host",
        "GET http://other.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        "framing.host_mismatch",
        400,
    ),
    (
        "absolute-form with user information",
        "GET http://a@shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        "framing.target_userinfo",
        400,
    ),
    ("HTTP/0.9", "GET /\r\n", "framing.http_0_9", 400),
    ("two spaces", "GET  / HTTP/1.1\r\nHost: shop.example\r\n\r\n", "framing.request_line", 400),
    ("HTTP/2 without agreement", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "framing.unknown_version", 505),
    ("HTTP/1.2", "GET / HTTP/1.2\r\nHost: shop.example\r\n\r\n", "framing.unknown_version", 505),
    ("a lower-case version", "GET / http/1.1\r\nHost: shop.example\r\n\r\n", "framing.request_line", 400),
    ("a fragment", "GET /a#b HTTP/1.1\r\nHost: shop.example\r\n\r\n", "framing.target_fragment", 400),
    (
        "a control character in the target",
        "GET /a\x01b HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        "framing.target_character",
        400,
    ),
    ("a target of no form", "GET shop HTTP/1.1\r\nHost: shop.example\r\n\r\n", "framing.target", 400),
    ("an asterisk for GET", "GET * HTTP/1.1\r\nHost: shop.example\r\n\r\n", "framing.target", 400),
    (
        "Connection naming Content-Length",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
        "framing.connection_names_framing",
        400,
    ),
    (
        "Connection naming Transfer-Encoding",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "framing.connection_names_framing",
        400,
    ),
    (
        "Connection naming Host",
        "GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: host\r\n\r\n",
        "framing.connection_names_framing",
        400,
    ),
    (
        "an unknown expectation",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nExpect: 200-ok\r\nContent-Length: 5\r\n\r\nhello",
        "framing.expectation",
        417,
    ),
    (
        "a signed chunk size",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        "framing.chunk_size",
        400,
    ),
    (
        "a chunk size with a prefix",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        "framing.chunk_size",
        400,
    ),
    (
        "a chunk size out of range",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
        "framing.chunk_size",
        400,
    ),
    (
        "a chunk size before a line feed",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        "framing.bare_lf",
        400,
    ),
    (
        "a chunk extension with a line feed",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
        "framing.bare_lf",
        400,
    ),
    (
        "a chunk extension of no form",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5;=\r\nhello\r\n0\r\n\r\n",
        "framing.chunk_extension",
        400,
    ),
    (
        "a chunk longer than its size",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
        "framing.chunk_end",
        400,
    ),
    (
        "a length among the trailers",
        "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
        "framing.trailer_field",
        400,
    ),
    (
        "a CONNECT with a body",
        "CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\nContent-Length: 5\r\n\r\nhello",
        "framing.body_forbidden",
        400,
    ),
    (
        "a TRACE with a body",
        "TRACE / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\nhello",
        "framing.body_forbidden",
        400,
    ),
];

async fn check(stage: &Stage, (name, sent, code, status): (&str, &str, &str, u16)) {
    let answer = raw(stage.address(), sent).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
    assert!(answer.contains("application/problem+json") && !answer.contains(code), "{name}: {answer}");
    let event = stage.event().await;
    let codes: Vec<_> = event.reasons.iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(codes, [code], "{name}");
    assert!(answer.contains(&event.id.to_string()), "{name}: the answer names the event");
    assert!(event.upstream.is_none(), "{name}");
    assert_eq!(stage.upstream.bytes(), 0, "{name}: {:?}", stage.upstream.seen());
}

#[tokio::test]
async fn every_ambiguous_framing_is_refused_by_name_and_reaches_no_upstream() {
    let stage = Stage::plain().await;
    for case in CASES {
        check(&stage, *case).await;
    }
    for case in CASES {
        assert_ne!(
            stage.metric(&format!("portcullis_framing_defects_total{{what=\"{}\"}}", case.2)),
            None,
            "{}",
            case.0
        );
    }
}

/// Requests that are unusual and mean one thing only.
const UNUSUAL: &[(&str, &str, &str)] = &[
    (
        "another spelling and a port",
        "GET /1 HTTP/1.1\r\nhOsT: Shop.Example:80\r\nConnection: close\r\n\r\n",
        "GET /1 0",
    ),
    (
        "absolute-form",
        "GET http://shop.example/2 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
        "GET /2 0",
    ),
    (
        "no space behind the colon",
        "GET /3 HTTP/1.1\r\nHost:shop.example\r\nConnection:close\r\n\r\n",
        "GET /3 0",
    ),
    ("HTTP/1.0", "GET /4 HTTP/1.0\r\nHost: shop.example\r\n\r\n", "GET /4 0"),
    (
        "a chunk extension",
        "POST /5 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=\"b\"\r\nhi\r\n000\r\n\r\n",
        "POST /5 2",
    ),
    (
        "a length of nothing",
        "POST /6 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "POST /6 0",
    ),
    (
        "a body on GET",
        "GET /7 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        "GET /7 2",
    ),
    (
        "non-ASCII in a value",
        "GET /8 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nX: caf\u{e9}\r\n\r\n",
        "GET /8 0",
    ),
    (
        "a raw non-ASCII target",
        "GET /\u{e9} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n",
        "GET /%C3%A9 0",
    ),
    (
        "expecting to be told to go on",
        "POST /9 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        "POST /9 2",
    ),
];

#[tokio::test]
async fn what_is_only_unusual_passes() {
    let stage = Stage::plain().await;
    for (name, sent, answered) in UNUSUAL {
        let answer = raw(stage.address(), sent).await;
        assert!(answer.contains("HTTP/1.1 200 ") || answer.contains("HTTP/1.0 200 "), "{name}: {answer}");
        assert!(answer.ends_with(answered), "{name}: {answer}");
    }
}

#[tokio::test]
async fn heads_beyond_the_limits_are_refused_by_name() {
    let stage = Stage::plain().await;
    let fields = |count| "a: b\r\n".repeat(count);
    let long = "x".repeat(20_000);
    let many = format!("GET / HTTP/1.1\r\nHost: shop.example\r\n{}\r\n", fields(100));
    check(&stage, ("101 fields", &many, "framing.too_many_fields", 431)).await;
    let large = format!("GET / HTTP/1.1\r\nHost: shop.example\r\nX: {}\r\n\r\n", long.repeat(4));
    check(&stage, ("an 80 kB head", &large, "framing.head_too_large", 431)).await;
    let target = format!("GET /{long} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    check(&stage, ("a 20 kB target", &target, "framing.target_too_long", 414)).await;
    // Exactly at the bound is fine.
    let most = format!("GET /most HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{}\r\n", fields(98));
    assert!(raw(stage.address(), most).await.ends_with("GET /most 0"));
}

#[tokio::test]
async fn a_hundred_thousand_headers_cost_little_and_are_refused() {
    let stage = Stage::plain().await;
    let sent = format!("GET / HTTP/1.1\r\nHost: shop.example\r\n{}\r\n", "a: b\r\n".repeat(100_000));
    check(&stage, ("100k fields", &sent, "framing.too_many_fields", 431)).await;
}

#[tokio::test]
async fn what_follows_a_refused_request_is_never_read() {
    let stage = Stage::plain().await;
    let first = "GET /first HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    let bad = "POST /bad HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let answer = raw(stage.address(), format!("{first}{bad}{}", get("/hidden"))).await;
    assert!(answer.contains("GET /first 0") && answer.contains("HTTP/1.1 400 "), "{answer}");
    let targets: Vec<_> = stage.upstream.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/first"]);
}

#[tokio::test]
async fn the_event_of_a_refused_head_says_what_could_be_read() {
    let stage = Stage::plain().await;
    raw(stage.address(), "DELETE /orders/7 HTTP/1.1\r\nHost: shop.example\r\nContent-Length : 0\r\n\r\n")
        .await;
    let event = stage.event().await;
    assert_eq!(event.request.method, "DELETE");
    assert_eq!(event.request.path, "/orders/7");
}

#[tokio::test]
async fn a_request_behind_an_ignored_upgrade_is_judged_like_any_other() {
    let stage = Stage::plain().await;
    let upgrade =
        "GET /ws HTTP/1.1\r\nHost: shop.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let hidden = "GET /hidden HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    // The upstream answers 200: the connection stays HTTP, and what was sent behind is the next request.
    let answer = raw(stage.address(), format!("{upgrade}{hidden}")).await;
    assert!(answer.contains("GET /ws 0") && !answer.contains("/hidden"), "{answer}");
    let targets: Vec<_> = stage.upstream.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/ws"]);
}

#[tokio::test]
async fn a_chunk_that_goes_wrong_later_never_completes_a_request() {
    let stage = Stage::plain().await;
    let mut wire = plain(stage.address()).await;
    wire.send("POST /up HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await;
    // Only once the upstream has some of it is the rest sent.
    stage.upstream.has_bytes().await;
    wire.send(format!("xyz\r\n0\r\n\r\n{}", get("/hidden"))).await;
    let answer = wire.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let event = stage.event().await;
    assert!(event.reasons.iter().any(|reason| reason.code == "framing.chunk_size"), "{event:?}");
    assert_eq!(stage.upstream.seen().len(), 0, "{:?}", stage.upstream.seen());
}
