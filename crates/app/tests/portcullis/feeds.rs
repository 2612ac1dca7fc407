//! Lists by URL: a server of feeds that changes, breaks, hangs and dies.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};

use crate::harness::{Gateway, exchange};
use crate::issuer::{Issuer, Speech};

/// What the server of feeds does when it is asked.
#[derive(Clone)]
enum Does {
    /// Answers 200 with this text, under the hash of it as its tag.
    Tag(String),
    /// The same, with a time in the place of a tag.
    Time(String, &'static str),
    Status(u16),
    /// Begins to answer, and never ends.
    Hang,
    /// Answers half of what it announces.
    Break,
}

struct Feeds {
    address: SocketAddr,
    does: Arc<Mutex<Does>>,
    /// The heads of the requests that came.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Feeds {
    fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let feeds = Self { address, does: Arc::new(Mutex::new(does)), heads: Arc::default() };
        let (does, heads) = (Arc::clone(&feeds.does), Arc::clone(&feeds.heads));
        std::thread::spawn(move || {
            let mut hung = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                let head: Vec<String> =
                    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let head = head.join("\n");
                let does = does.lock().expect("not poisoned").clone();
                hung.extend(answer(stream, &head, &does));
                heads.lock().expect("not poisoned").push(head);
            }
        });
        feeds
    }

    fn url(&self) -> String {
        format!("http://{}/feed", self.address)
    }

    fn turn_to(&self, does: Does) {
        *self.does.lock().expect("not poisoned") = does;
    }

    fn asked(&self) -> usize {
        self.heads.lock().expect("not poisoned").len()
    }

    fn was_asked_with(&self, field: &str) -> bool {
        self.heads.lock().expect("not poisoned").iter().any(|head| head.lines().any(|line| line == field))
    }
}

fn tag(text: &str) -> String {
    format!("\"{}\"", blake3::hash(text.as_bytes()).to_hex())
}

/// Answers; what is left hanging is given back.
fn answer(mut stream: TcpStream, head: &str, does: &Does) -> Option<TcpStream> {
    let whole = |field: &str, known: &str, text: &str| {
        if head.lines().any(|line| line == known) {
            return "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned();
        }
        format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
    };
    let said = match does {
        Does::Tag(text) => {
            let tag = tag(text);
            whole(&format!("ETag: {tag}"), &format!("if-none-match: {tag}"), text)
        }
        Does::Time(text, time) => {
            whole(&format!("Last-Modified: {time}"), &format!("if-modified-since: {time}"), text)
        }
        Does::Status(status) => format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"),
        Does::Hang | Does::Break => {
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n203.0.113.0/24\n".to_owned()
        }
    };
    let _ = stream.write_all(said.as_bytes());
    matches!(does, Does::Hang).then_some(stream)
}

/// A gateway's policy whose list `x` has these keys, and whose site refuses who is in it.
fn policy(keys: &str) -> String {
    format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\nlists: {{ x: {{ {keys} }} }}\n\
         sites: {{ s: {{ hosts: [\"*\"], upstream: {{ servers: [UPSTREAM] }}, \
         rules: [{{ name: x, when: 'ip in lists.x', action: block }}] }} }}\n"
    )
}

/// What a command said, its lines made one.
fn told(output: &Output) -> String {
    let text = String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).expect("text");
    text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn await_status(gateway: &Gateway, status: u16) {
    let what = format!("requests come to {status}");
    gateway.await_until(&what, |gateway| (gateway.get("/").0 == status).then_some(()));
}

/// Waits until another fetch failed than have so far.
fn await_failure(gateway: &Gateway) {
    let failed = |gateway: &Gateway| {
        let metrics = gateway.metrics();
        let line = metrics.lines().find(|line| line.contains("outcome=\"failed\"")).unwrap_or(" 0");
        line.rsplit(' ').next().and_then(|count| count.parse::<u64>().ok()).expect("a count")
    };
    let before = failed(gateway);
    gateway.await_until("a fetch fails", |gateway| (failed(gateway) > before).then_some(()));
}

/// A feed with this machine in it, and one without.
const HERE: &str = "; ours\n203.0.113.0/24 ; test\n127.0.0.0/8\n";
const ELSEWHERE: &str = "203.0.113.0/24\n";

#[test]
fn a_feed_is_fetched_kept_asked_for_by_its_tag_and_outlived() {
    let feeds = Feeds::start(Does::Tag(HERE.to_owned()));
    let policy = policy(&format!("url: \"{}?key=s3cret\", fetch: {{ refresh: 1s }}", feeds.url()));
    let mut gateway = Gateway::prepare(&policy);
    let checked = gateway.command(&["check"]);
    assert!(checked.status.success());
    let checked = told(&checked);
    assert!(checked.contains(&format!("{}: fetched, ", feeds.url())), "{checked}");
    assert!(checked.contains("list x: 2 entries") && !checked.contains("s3cret"), "{checked}");
    assert!(!gateway.path("data/lists").exists(), "looking keeps nothing");
    gateway.run();
    assert_eq!(gateway.get("/").0, 403);
    let asks = format!("if-none-match: {}", tag(HERE));
    gateway.await_until("it is asked for by its tag", |_| feeds.was_asked_with(&asks).then_some(()));
    feeds.turn_to(Does::Tag(ELSEWHERE.to_owned()));
    await_status(&gateway, 200);
    feeds.turn_to(Does::Tag(HERE.to_owned()));
    await_status(&gateway, 403);
    let metrics = gateway.metrics();
    assert!(metrics.contains("portcullis_list_entries{list=\"x\"} 2"), "{metrics}");
    let changed = "portcullis_fetches_total{kind=\"list\",document=\"x\",outcome=\"changed\"} 2";
    assert!(metrics.contains(changed), "{metrics}");

    feeds.turn_to(Does::Status(503));
    await_failure(&gateway);
    assert_eq!(gateway.get("/").0, 403, "the last good copy is in force");
    gateway.kill();
    gateway.run();
    assert_eq!(gateway.get("/").0, 403, "also after a restart");
    let checked = told(&gateway.command(&["check"]));
    assert!(checked.contains("not fetched (it answered 503): the kept copy is used"), "{checked}");
    assert!(!checked.contains("s3cret"), "{checked}");
}

#[test]
fn what_is_no_list_never_takes_the_place_of_one() {
    let feeds = Feeds::start(Does::Time(HERE.to_owned(), "Sat, 31 Jan 2026 08:00:00 GMT"));
    let gateway = Gateway::start(&policy(&format!(
        "url: \"{}\", max_entries: 3, fetch: {{ refresh: 1s, timeout: 300ms, max_size: 1KiB }}",
        feeds.url()
    )));
    assert_eq!(gateway.get("/").0, 403);
    let asks = "if-modified-since: Sat, 31 Jan 2026 08:00:00 GMT";
    gateway.await_until("it is asked for by its time", |_| feeds.was_asked_with(asks).then_some(()));
    for broken in [
        Does::Tag("<!DOCTYPE html>\n<p>Down for maintenance".to_owned()),
        Does::Tag(String::new()),
        Does::Tag("# nothing today\n".to_owned()),
        Does::Tag("203.0.113.0/240\n".to_owned()),
        Does::Tag("203.0.113.1\n203.0.113.3\n203.0.113.5\n203.0.113.7\n".to_owned()),
        Does::Tag("203.0.113.0/24 #".to_owned() + &"x".repeat(1024)),
        Does::Hang,
        Does::Break,
        Does::Status(301),
    ] {
        feeds.turn_to(broken);
        await_failure(&gateway);
        assert_eq!(gateway.get("/").0, 403, "the last good copy is in force");
    }
    feeds.turn_to(Does::Tag(ELSEWHERE.to_owned()));
    await_status(&gateway, 200);
}

#[test]
fn a_list_that_never_came_is_empty_or_refused_as_policy_says() {
    let feeds = Feeds::start(Does::Status(500));
    let keys = |more: &str| policy(&format!("url: \"{}\", fetch: {{ refresh: 1s{more} }}", feeds.url()));
    let mut gateway = Gateway::prepare(&keys(", on_failure: refuse"));
    let checked = gateway.command(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(told(&checked).contains("could not be fetched: it answered 500"), "{}", told(&checked));
    assert_eq!(gateway.command(&["serve"]).status.code(), Some(1), "it does not start");
    gateway.write_policy(&keys(""));
    let checked = gateway.command(&["check"]);
    assert!(checked.status.success());
    assert!(told(&checked).contains("until it is, this list is empty"), "{}", told(&checked));
    gateway.run();
    assert_eq!(gateway.get("/").0, 200);
    feeds.turn_to(Does::Tag(HERE.to_owned()));
    await_status(&gateway, 403);
    // Once there is a copy, even a policy that refuses to be without one starts in an outage.
    feeds.turn_to(Does::Status(500));
    gateway.write_policy(&keys(", on_failure: refuse"));
    gateway.kill();
    gateway.run();
    assert_eq!(gateway.get("/").0, 403);
}

#[test]
fn one_feed_is_read_as_several_lists_and_another_way_when_policy_changes() {
    let ranges = r#"{"v4":[{"net":"203.0.113.0/24"}],"v6":["::1/128"],"here":["127.0.0.0/8"]}"#;
    let feeds = Feeds::start(Does::Tag(ranges.to_owned()));
    let url = feeds.url();
    let other = format!(
        "url: \"{url}\", json: {{ at: /v4, fields: [net] }} }}, y: {{ url: \"{url}\", json: {{ at: AT }}"
    );
    let gateway = Gateway::start(&policy(&other.replace("AT", "/v6")));
    assert_eq!(gateway.get("/").0, 200);
    assert!(gateway.metrics().contains("portcullis_list_entries{list=\"y\"} 1"));
    gateway.write_policy(&policy(&format!("url: \"{url}\", json: {{ at: /here }}")));
    await_status(&gateway, 403);
    // The copy is not written that way; the feed is, from now on.
    feeds.turn_to(Does::Tag("seen,ip\n2026,203.0.113.1\n".to_owned()));
    gateway.write_policy(&policy(&format!("url: \"{url}\", csv: {{ column: ip }}")));
    await_status(&gateway, 200);
    let before = feeds.asked();
    let broken = told(&gateway.command(&["check"]));
    assert!(feeds.asked() > before && broken.contains("list x: 1 entry"), "{broken}");
}

#[test]
fn a_list_of_words_comes_by_an_authority_of_its_own() {
    let issuer = Issuer::start(&Speech::Private, &["first", "second"]);
    let policy = |fetch: &str| {
        policy(&format!(
            "of: anything, url: \"{}/jwks\", json: {{ at: /keys, fields: [kid] }}, fetch: {{ {fetch} }}",
            issuer.url
        ))
        .replace("ip in lists.x", "headers[\"x-key\"] in lists.x")
    };
    let mut gateway = Gateway::prepare(&policy("ca: ca.pem"));
    gateway.write("ca.pem", &issuer.authority);
    gateway.run();
    let asks = |key: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Key: {key}\r\nConnection: close\r\n\r\n");
        exchange(gateway.address(), &request).expect("answered").0
    };
    assert_eq!((asks("second"), asks("third")), (403, 200));
    let stranger = Gateway::prepare(&policy("copies: elsewhere"));
    let checked = told(&stranger.command(&["check"]));
    assert!(checked.contains("UnknownIssuer") && checked.contains("this list is empty"), "{checked}");
}

#[test]
fn a_crawler_is_verified_by_the_ranges_its_maker_publishes_and_a_feed_bans() {
    let ranges = r#"{"prefixes":[{"ipv4Prefix":"66.249.64.0/27"},{"ipv6Prefix":"2001:4860:4801:10::/64"}]}"#;
    let crawlers = Feeds::start(Does::Tag(ranges.to_owned()));
    let abusers = Feeds::start(Does::Tag("203.0.113.0/24\n".to_owned()));
    let policy = format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nclient_ip: {{ header: x-forwarded-for, trusted: [127.0.0.0/8] }}\n\
         lists:\n  googlebot: {{ url: \"{}\", json: {{ at: /prefixes, fields: [ipv4Prefix, ipv6Prefix] }} }}\n  \
         abusers: {{ url: \"{}\" }}\n\
         sites:\n  s:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    rules:\n    \
         - {{ name: pretenders, when: 'tag(\"crawler:unverified\")', action: block }}\n    \
         - {{ name: abusers, when: 'tag(\"list:abusers\")', action: {{ ban: {{ for: 1h, key: ip }} }} }}\n",
        crawlers.url(),
        abusers.url(),
    );
    let gateway = Gateway::start(&policy);
    let status = |from: &str, agent: &str| {
        let request = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {from}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
        );
        exchange(gateway.address(), &request).expect("answered").0
    };
    let googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    assert_eq!((status("66.249.64.5", googlebot), status("66.249.64.99", googlebot)), (200, 403));
    assert_eq!((status("203.0.113.7", "curl/8"), status("198.51.100.7", "curl/8")), (403, 200));
    let bans = gateway.json(&["ban", "ls"]);
    assert!(bans.iter().any(|ban| ban.to_string().contains("203.0.113.7")), "{bans:?}");
    assert!(!bans.iter().any(|ban| ban.to_string().contains("198.51.100.7")), "{bans:?}");
}
