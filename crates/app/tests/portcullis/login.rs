//! Logging in with a browser, at a running gateway: to the issuer and back, sessions, what is refused on the way, and an
//! issuer that is gone.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::harness::{Gateway, exchange_whole};
use crate::issuer::{key_set, signed};

/// What the issuer does with a code.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Gives,
    /// A token for another login.
    Mixes,
    /// A token for another client.
    Strays,
    Garbled,
    Gone,
}

/// An issuer: people are who they are here, and codes are good once.
struct Issuer {
    url: String,
    mood: Arc<Mutex<Mood>>,
    /// Codes that were given, with the nonce and the challenge they are for.
    codes: Arc<Mutex<Vec<(String, String, String)>>>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let issuer = Self { url, mood: Arc::new(Mutex::new(Mood::Gives)), codes: Arc::default() };
        let (url, mood, codes) = (issuer.url.clone(), Arc::clone(&issuer.mood), Arc::clone(&issuer.codes));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mood = *mood.lock().expect("unpoisoned");
                answer(stream, &url, mood, &mut codes.lock().expect("unpoisoned"));
            }
        });
        issuer
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().expect("unpoisoned") = mood;
    }

    /// Somebody logs in where the gateway sent the browser: the code.
    fn consent(&self, location: &str) -> String {
        assert!(location.starts_with(&format!("{}/authorize?response_type=code&", self.url)), "{location}");
        assert!(location.contains("&code_challenge_method=S256"), "{location}");
        assert!(location.contains("&client_id=shop&") && location.contains("&scope=openid%20profile&"));
        let mut codes = self.codes.lock().expect("unpoisoned");
        let code = format!("code{}", codes.len());
        codes.push((code.clone(), parameter(location, "nonce"), parameter(location, "code_challenge")));
        code
    }
}

fn answer(mut stream: TcpStream, url: &str, mood: Mood, codes: &mut [(String, String, String)]) {
    let (mut request, mut buffer) = (String::new(), [0; 4096]);
    let whole = |request: &str| {
        request.contains("code_verifier=") || request.starts_with("GET ") && request.contains("\r\n\r\n")
    };
    while !whole(&request) {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..read])),
            _ => return,
        }
    }
    let (status, body) = match request.split(' ').nth(1).unwrap_or_default() {
        "/.well-known/openid-configuration" => (
            200,
            json!({
                "issuer": url, "jwks_uri": format!("{url}/jwks"),
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
                "end_session_endpoint": format!("{url}/end"),
            }),
        ),
        "/jwks" => (200, key_set(&["one"])),
        "/token" if mood == Mood::Gone => return,
        "/token" if mood == Mood::Garbled => (200, json!(["?"])),
        "/token" => token(&request, url, mood, codes),
        _ => (404, json!({})),
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn token(
    request: &str,
    url: &str,
    mood: Mood,
    codes: &mut [(String, String, String)],
) -> (u16, serde_json::Value) {
    // `shop:its%20secret`, each part written as forms are.
    assert!(request.to_ascii_lowercase().contains("authorization: basic "), "{request}");
    assert!(request.contains("c2hvcDppdHMlMjBzZWNyZXQ="), "{request}");
    let form = request.rsplit("\r\n").next().unwrap_or_default();
    let field = |name| parameter(&format!("?{form}"), name);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, field("code_verifier").as_bytes()));
    let place = codes.iter().position(|(code, _, asked)| *code == field("code") && *asked == challenge);
    let Some(place) = place else { return (400, json!({ "error": "invalid_grant" })) };
    let nonce = std::mem::take(&mut codes[place].1);
    "used".clone_into(&mut codes[place].0);
    let nonce = if mood == Mood::Mixes { "another".to_owned() } else { nonce };
    let audience = if mood == Mood::Strays { "blog" } else { "shop" };
    let claims = json!({
        "iss": url, "aud": audience, "sub": "anna", "exp": 4_102_444_800_u64, "nonce": nonce,
        "roles": ["staff"], "sid": "at-the-issuer",
    });
    (200, json!({ "token_type": "Bearer", "access_token": "opaque", "id_token": signed("one", &claims) }))
}

/// A parameter of a URL, as it is written.
fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').expect("a query").1;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).expect("the parameter")
}

fn gateway(issuer: &Issuer, session: &str) -> Gateway {
    let policy = format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nidentity:\n  staff:\n    oidc:\n      issuer: \"{}\"\n      \
         client_id: shop\n      client_secret: \"file:issuer.secret\"\n      groups: roles\n      timeout: 2s\n{session}\
         sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    unknown_callers: block\n    \
         require: {{ providers: [staff], groups: [staff] }}\n",
        issuer.url
    );
    let mut gateway = Gateway::prepare(&policy);
    gateway.write("node.secret", "longer than thirty-two bytes, for certain");
    gateway.write("issuer.secret", "its secret\n");
    gateway.run();
    gateway
}

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// One GET: the answer as it came.
fn get(address: SocketAddr, path: &str, cookies: &str, fields: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: shop.test\r\nCookie: theirs=1; {cookies}\r\n{fields}Connection: close\r\n\r\n"
    );
    exchange_whole(address, &request).expect("answered")
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn location(answer: &str) -> String {
    let line = answer.lines().find_map(|line| line.strip_prefix("location: "));
    line.unwrap_or_else(|| panic!("no location: {answer}")).to_owned()
}

/// The cookies an answer sets that have a value.
fn set(answer: &str) -> String {
    let lines = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let pairs = lines.filter_map(|line| line.split(';').next()).filter(|pair| !pair.ends_with('='));
    pairs.collect::<Vec<_>>().join("; ")
}

/// The path somebody comes back to from the issuer.
fn back(location: &str, code: &str) -> String {
    format!("/.portcullis/callback?code={code}&state={}", parameter(location, "state"))
}

fn log_in(issuer: &Issuer, address: SocketAddr) -> String {
    let sent = get(address, "/orders?page=2", "", BROWSER);
    let path = back(&location(&sent), &issuer.consent(&location(&sent)));
    set(&get(address, &path, &set(&sent), BROWSER))
}

#[test]
fn a_browser_logs_in_goes_on_where_it_was_and_logs_out() {
    let issuer = Issuer::start();
    let gateway = gateway(&issuer, "");
    let address = gateway.address();
    let program = get(address, "/orders", "", "Accept: application/json\r\n");
    assert_eq!(status(&program), "401", "{program}");
    assert!(program.contains("application/problem+json") && !program.contains("set-cookie"), "{program}");
    // Two tabs at once, the second coming back first.
    let (one, two) = (get(address, "/orders?page=2", "", BROWSER), get(address, "/basket", "", BROWSER));
    assert_eq!((status(&one), status(&two)), ("303", "303"));
    assert!(
        location(&one).contains("redirect_uri=http%3A%2F%2Fshop.test%2F.portcullis%2Fcallback&"),
        "{one}"
    );
    let jar = format!("{}; {}", set(&one), set(&two));
    let ended = [&two, &one].map(|sent| {
        let code = issuer.consent(&location(sent));
        get(address, &back(&location(sent), &code), &jar, BROWSER)
    });
    assert_eq!(ended.each_ref().map(|answer| location(answer)), ["/basket", "/orders?page=2"]);
    let session = set(&ended[1]);
    assert!(ended[1].contains("HttpOnly; SameSite=Lax") && session.starts_with("portcullis-session-staff="));
    assert!(!session.contains("anna"), "what is in it cannot be read");
    assert_eq!(status(&get(address, "/orders", &session, BROWSER)), "200");
    assert_eq!(
        status(&get(address, "/orders", &session, "Accept: application/json\r\n")),
        "200",
        "scripts, too"
    );
    let events = gateway.await_until("they are recorded", |gateway| {
        let found = gateway.json(&["events", "--where", "tag(\"auth:oidc\") && status == 200"]);
        (found.len() >= 2).then_some(found)
    });
    let written = serde_json::to_string(&events).expect("JSON");
    let value = session.split_once('=').expect("a value").1;
    assert!(written.contains("anna") && !written.contains(value), "{written}");
    let foreign = get(address, "/.portcullis/logout", &session, "Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(status(&foreign), "403", "another site has nobody log out");
    let out = get(address, "/.portcullis/logout", &session, BROWSER);
    assert_eq!(location(&out), format!("{}/end?client_id=shop", issuer.url));
    assert!(out.contains("set-cookie: portcullis-session-staff=; Path=/; Max-Age=0"), "{out}");
}

#[test]
fn nobody_logs_in_with_what_is_not_theirs() {
    let issuer = Issuer::start();
    let gateway = gateway(&issuer, "");
    let address = gateway.address();
    let sent = get(address, "/orders", "", BROWSER);
    let path = back(&location(&sent), &issuer.consent(&location(&sent)));
    let fails = |path: &str, cookies: &str, code: &str, expected: &str| {
        let answer = get(address, path, cookies, BROWSER);
        assert_eq!(status(&answer), expected, "{code}: {answer}");
        assert!(answer.contains("You are not logged in") && set(&answer).is_empty(), "{code}: {answer}");
        assert!(!answer.contains(code), "the page does not say why: {answer}");
        gateway.await_until(code, |gateway| {
            let events = gateway.json(&["events", "--where", "path == \"/.portcullis/callback\""]);
            serde_json::to_string(&events).expect("JSON").contains(code).then_some(())
        });
    };
    fails(&path, "", "login.other_browser", "400");
    fails("/.portcullis/callback?code=x&state=AAAA", &set(&sent), "login.malformed", "400");
    fails("/.portcullis/callback", &set(&sent), "login.malformed", "400");
    let (denied, other) =
        (path.replace("code=", "error=access_denied&x="), format!("{path}&iss=http://evil"));
    fails(&denied, &set(&sent), "login.denied", "400");
    fails(&other, &set(&sent), "login.other_issuer", "400");
    assert_eq!(location(&get(address, &path, &set(&sent), BROWSER)), "/orders");
    fails(&path, &set(&sent), "login.code_refused", "400");
    for (mood, code, expected) in [
        (Mood::Mixes, "login.bad_token", "502"),
        (Mood::Strays, "login.bad_token", "502"),
        (Mood::Garbled, "login.bad_token", "502"),
        (Mood::Gone, "login.unavailable", "503"),
    ] {
        let sent = get(address, "/orders", "", BROWSER);
        let path = back(&location(&sent), &issuer.consent(&location(&sent)));
        issuer.is(mood);
        fails(&path, &set(&sent), code, expected);
        issuer.is(Mood::Gives);
    }
    let forged =
        get(address, "/orders", "portcullis-session-staff=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", BROWSER);
    assert_eq!(status(&forged), "303", "who shows something else logs in again");
}

#[test]
fn a_session_ends_is_taken_back_and_outlives_its_issuer() {
    let issuer = Issuer::start();
    let gateway = gateway(&issuer, "");
    let address = gateway.address();
    let session = log_in(&issuer, address);
    issuer.is(Mood::Gone);
    assert_eq!(status(&get(address, "/", &session, BROWSER)), "200", "who is logged in stays so");
    let revoked = gateway.command(&["revoke", "subject", "staff/anna"]);
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    let refused = gateway.await_until("it is taken back", |_| {
        let answer = get(address, "/", &session, BROWSER);
        (status(&answer) != "200").then_some(answer)
    });
    assert_eq!(status(&refused), "403", "and is not sent round in circles: {refused}");
}

#[test]
fn a_session_that_is_used_goes_on() {
    let issuer = Issuer::start();
    let gateway = gateway(&issuer, "      session: { lifetime: 1h, idle: 8s }\n");
    let address = gateway.address();
    let session = log_in(&issuer, address);
    let renewed = gateway.await_until("it is renewed", |_| {
        let answer = get(address, "/", &session, BROWSER);
        (status(&answer) == "200").then(|| set(&answer)).filter(|cookie| !cookie.is_empty())
    });
    assert!(renewed.starts_with("portcullis-session-staff=") && renewed != session, "{renewed}");
    assert_eq!(status(&get(address, "/", &renewed, BROWSER)), "200");
    gateway.await_until("the first is over", |_| {
        (status(&get(address, "/", &session, BROWSER)) == "303").then_some(())
    });
}
