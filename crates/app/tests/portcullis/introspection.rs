//! Tokens that only their issuer can read, at a running gateway: asked about once, remembered, and what an issuer that is
//! gone, garbled or slow leaves of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::harness::{Gateway, exchange_whole};

/// What the issuer says to a token; to one it does not know, that it is not active.
type Answers = Arc<Mutex<Vec<(&'static str, String)>>>;

/// An issuer, and the requests it had.
struct Issuer {
    address: SocketAddr,
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (answers, asked) = (Answers::default(), Arc::new(Mutex::new(Vec::new())));
        let (said, heard) = (Arc::clone(&answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (said, heard) = (Arc::clone(&said), Arc::clone(&heard));
                std::thread::spawn(move || answer(stream, &said, &heard));
            }
        });
        Self { address, answers, asked }
    }

    fn says(&self, token: &'static str, answer: &str) {
        self.answers.lock().expect("unpoisoned").push((token, answer.to_owned()));
    }

    /// How often it was asked about a token.
    fn asked(&self, token: &str) -> usize {
        let about = format!("token={token}&");
        self.asked.lock().expect("unpoisoned").iter().filter(|request| request.contains(&about)).count()
    }
}

fn answer(mut stream: TcpStream, answers: &Answers, asked: &Mutex<Vec<String>>) {
    let (mut request, mut buffer) = (String::new(), [0; 4096]);
    while !request.contains("hint=access_token") {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..read])),
            _ => return,
        }
    }
    let said = answers
        .lock()
        .expect("unpoisoned")
        .iter()
        .rev()
        .find_map(|(token, answer)| request.contains(&format!("token={token}&")).then(|| answer.clone()));
    asked.lock().expect("unpoisoned").push(request);
    // Long enough for others with the same token to come meanwhile.
    std::thread::sleep(Duration::from_millis(100));
    let said = said.unwrap_or_else(|| r#"{"active":false}"#.to_owned());
    if said == "gone" {
        return;
    }
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}", said.len());
    let _ = stream.write_all(answer.as_bytes());
}

fn gateway(issuer: &Issuer, more: &str) -> Gateway {
    let policy = format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nidentity:\n  customers:\n    introspection:\n      \
         endpoint: \"http://{}/introspect\"\n      client_id: gateway\n      client_secret: \"file:issuer.secret\"\n      \
         audience: shop\n{more}sites:\n  shop:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    \
         require: {{ providers: [customers], scopes: [read] }}\n",
        issuer.address
    );
    let mut gateway = Gateway::prepare(&policy);
    gateway.write("node.secret", "longer than thirty-two bytes, for certain");
    gateway.write("issuer.secret", "its secret/\n");
    gateway.run();
    gateway
}

/// The status line and head of the answer to a request with that token, in lower case.
fn with(address: SocketAddr, token: &str) -> String {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: shop.test\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    exchange_whole(address, &request).expect("answered").to_ascii_lowercase()
}

fn status(address: SocketAddr, token: &str) -> String {
    with(address, token).split(' ').nth(1).unwrap_or_default().to_owned()
}

const ANNA: &str = r#"{"active":true,"sub":"anna","aud":["shop"],"scope":"read write"}"#;

#[test]
fn a_token_is_asked_about_once_and_what_is_said_of_it_counts() {
    let issuer = Issuer::start();
    issuer.says("good", ANNA);
    issuer.says("other", &ANNA.replace("shop", "blog"));
    issuer.says("late", &ANNA.replace("\"sub\"", "\"exp\":1000,\"sub\""));
    issuer.says("mere", &ANNA.replace("read ", ""));
    let gateway = gateway(&issuer, "");
    let address = gateway.address();
    let many: Vec<_> = (0..8).map(|_| std::thread::spawn(move || status(address, "good"))).collect();
    let statuses: Vec<String> = many.into_iter().map(|one| one.join().expect("no panic")).collect();
    assert!(statuses.iter().all(|status| status == "200"), "{statuses:?}");
    assert_eq!((status(address, "good"), issuer.asked("good")), ("200".to_owned(), 1));
    for _ in 0..2 {
        let refused = with(address, "unknown");
        assert!(refused.starts_with("http/1.1 401") && refused.contains("invalid_token"), "{refused}");
    }
    assert_eq!(issuer.asked("unknown"), 1, "what was refused is remembered for a while");
    assert_eq!(["other", "late", "mere"].map(|token| status(address, token)), ["401", "401", "403"]);
    assert_eq!(status(address, ""), "401");
    let request = issuer.asked.lock().expect("unpoisoned")[0].clone();
    // `gateway:its%20secret%2F`, each part written as forms are.
    assert!(request.contains("authorization: Basic Z2F0ZXdheTppdHMlMjBzZWNyZXQlMkY="), "{request}");
    let events = gateway.await_until("they are recorded", |gateway| {
        let found = gateway.json(&["events", "--where", "tag(\"auth:introspection\")"]);
        (found.len() >= 9).then_some(found)
    });
    assert!(!serde_json::to_string(&events).expect("JSON").contains("good"), "no token is written down");
}

#[test]
fn an_issuer_that_does_not_answer_lets_nobody_new_in() {
    let issuer = Issuer::start();
    issuer.says("known", ANNA);
    let gateway = gateway(
        &issuer,
        "      remember: 1ms\n      keep: 1h\n      remember_refused: 1ms\n      timeout: 500ms\n",
    );
    let address = gateway.address();
    assert_eq!([status(address, "known"), status(address, "known")], ["200", "200"]);
    assert_eq!(issuer.asked("known"), 2, "what is remembered for a moment is asked about again");
    for (token, answer) in [("gone", "gone"), ("garbled", "<html>"), ("silent", "{}")] {
        issuer.says(token, answer);
        let refused = with(address, token);
        assert!(
            refused.starts_with("http/1.1 503") && refused.contains("retry-after: 1"),
            "{token}: {refused}"
        );
    }
    issuer.says("known", "gone");
    assert_eq!(status(address, "known"), "200", "who was known passes for as long as policy keeps them");
    issuer.says("known", r#"{"active":false}"#);
    assert_eq!(status(address, "known"), "401", "until the issuer says otherwise");
    issuer.says("known", "gone");
    assert_eq!(status(address, "known"), "503", "whom it refused nobody stands in for");
}
