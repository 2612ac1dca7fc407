//! What an upstream is told of who calls, verified as its author would.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

use crate::harness::{Gateway, exchange_whole};

const KEY: &str = "a key that the site's servers know, too";
const CHEAP: &str = "$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

/// A site that answers with the fields it got under that name.
fn site(name: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let of = |line: &&String| line.to_ascii_lowercase().replace('_', "-").starts_with(name);
            let told: Vec<&str> = head.iter().filter(of).map(String::as_str).collect();
            let body = told.join("\n");
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn get(gateway: &Gateway, fields: &str) -> String {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: shop.test\r\nPortcullis-Caller: forged\r\nportcullis_caller: forged\r\n{fields}Connection: close\r\n\r\n"
    );
    let answer = exchange_whole(gateway.address(), &request).expect("answered");
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("a body")
}

#[test]
fn a_server_can_verify_who_calls_and_nobody_else_can_say_it() {
    let address = site("portcullis-caller:");
    let mut gateway = Gateway::prepare(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\n\
         identity:\n  staff: {{ basic: {{ users: \"file:users.htpasswd\" }} }}\n\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [\"http://{address}\"] }}\n    \
         tell_caller: {{ key: file:caller.key, lifetime: 1m }}\n"
    ));
    gateway.write("caller.key", "short");
    gateway.write("users.htpasswd", &format!("anna:{CHEAP}\n"));
    let said = gateway.command(&["check"]);
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(!said.status.success() && text.contains("the key has 5 bytes; it needs 32"), "{text}");
    gateway.write("caller.key", KEY);
    gateway.run();

    assert_eq!(get(&gateway, ""), "", "nobody was proved, and what the client says is removed");
    let told = get(&gateway, "Authorization: Basic YW5uYTpvcGVuIHNlc2FtZQ==\r\n");
    let field = told.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("portcullis-caller"));
    let token = field.expect(&told).1;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["shop"]);
    validation.set_issuer(&["portcullis"]);
    let key = DecodingKey::from_secret(KEY.as_bytes());
    let read = decode::<serde_json::Value>(token, &key, &validation).expect("it verifies");
    for (claim, value) in [("sub", "anna"), ("provider", "staff"), ("proof", "basic")] {
        assert_eq!(read.claims[claim], value, "{}", read.claims);
    }
    let lifetime =
        read.claims["exp"].as_i64().zip(read.claims["iat"].as_i64()).map(|(end, begin)| end - begin);
    assert_eq!(lifetime, Some(60));
    assert_eq!(decode_header(token).expect("a header").typ.as_deref(), Some("caller+jwt"));
    let other = DecodingKey::from_secret(b"another key of some length, 32 bytes");
    assert!(decode::<serde_json::Value>(token, &other, &validation).is_err());
}
