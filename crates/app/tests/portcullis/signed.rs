//! Requests that are signed themselves, at a running gateway: signed now, sent twice, changed, taken back.

use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};

use crate::harness::{Gateway, exchange_whole, run_in};

const SECRET: &str = "a secret that both sides share, and nobody else";
const POLICY: &str = "
listen: [{ address: \"127.0.0.1:0\" }]
metrics: { listen: \"127.0.0.1:0\" }
secret: file:node.secret
archive: { sqlite: { path: data/archive.db } }
control: { socket: data/portcullis.sock }
identity:
  shops: { signature: { keys: { shop-1: { algorithm: hmac-sha256, key: file:shop.secret, subject: harbour } } } }
sites:
  shop: { hosts: [\"*\"], upstream: { servers: [UPSTREAM] }, require: [shops], filter: off }
";

fn start() -> Gateway {
    let mut gateway = Gateway::prepare(POLICY);
    gateway.write("shop.secret", SECRET);
    gateway.run();
    gateway
}

/// A request of the shop, signed `ago` seconds ago with that nonce.
fn signed(gateway: &Gateway, (method, path, body): (&str, &str, &str), ago: u64, nonce: u32) -> String {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let address = gateway.address();
    let digest = format!(
        "sha-256=:{}:",
        base64(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes()))
    );
    let (names, values) =
        (["@method", "@authority", "@path"], [method.to_owned(), address.to_string(), path.to_owned()]);
    let mut covered: Vec<(&str, String)> = names.into_iter().zip(values).collect();
    if !body.is_empty() {
        covered.push(("content-digest", digest.clone()));
    }
    let list: Vec<String> = covered.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let input = format!("({});created={};keyid=\"shop-1\";nonce=\"{nonce}\"", list.join(" "), now - ago);
    let lines: Vec<String> = covered.iter().map(|(name, value)| format!("\"{name}\": {value}\n")).collect();
    let base = format!("{}\"@signature-params\": {input}", lines.concat());
    let signature = sign(base.as_bytes(), &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256)
        .expect("signed");
    let signature = format!("{}=", signature.replace('-', "+").replace('_', "/"));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Digest: {digest}\r\nContent-Length: {}\r\n\
         Signature-Input: sig={input}\r\nSignature: sig=:{signature}:\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn ask(gateway: &Gateway, request: &str) -> (u16, String) {
    let answer = exchange_whole(gateway.address(), request).expect("answered");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.to_ascii_lowercase())
}

#[test]
fn a_request_that_is_signed_is_let_in_once_and_a_changed_one_never() {
    let gateway = start();
    let order = ("POST", "/orders", "{\"item\":7}");
    let request = signed(&gateway, order, 0, 1);
    assert_eq!(ask(&gateway, &request).0, 200);
    let (status, again) = ask(&gateway, &request);
    assert_eq!(status, 401, "{again}");
    assert!(again.contains("www-authenticate: signature"), "{again}");
    // The same order once more, meant and signed as such.
    assert_eq!(ask(&gateway, &signed(&gateway, order, 0, 2)).0, 200);
    for (from, to, status) in
        [("/orders", "/refunds", 401), ("\"item\":7", "\"item\":8", 400), ("nonce=\"3\"", "nonce=\"4\"", 401)]
    {
        assert_eq!(ask(&gateway, &signed(&gateway, order, 0, 3).replace(from, to)).0, status, "{to}");
    }
    assert_eq!(ask(&gateway, &signed(&gateway, ("GET", "/orders", ""), 3600, 5)).0, 401, "an hour ago");
    let (status, unsigned) =
        ask(&gateway, "GET /orders HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    assert!(status == 401 && unsigned.contains("accept-signature: sig=(\"@method\""), "{unsigned}");
}

#[test]
fn a_key_is_taken_back_and_other_keys_are_taken_up() {
    let gateway = start();
    assert_eq!(ask(&gateway, &signed(&gateway, ("GET", "/orders", ""), 0, 1)).0, 200);
    assert!(run_in(&gateway.path("."), &["revoke", "key", "shop-1"]).status.success());
    gateway.await_until("it is taken back", |gateway| {
        static NONCE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(10);
        let nonce = NONCE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (ask(gateway, &signed(gateway, ("GET", "/orders", ""), 0, nonce)).0 == 401).then_some(())
    });
}
