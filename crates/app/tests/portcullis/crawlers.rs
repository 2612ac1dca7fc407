//! Crawlers that say who they are, held to the names of their addresses by a DNS server that answers, lies and keeps
//! silent.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

use crate::harness::{Gateway, exchange};

const PTR: u16 = 12;
const A: u16 = 1;
const AAAA: u16 = 28;

/// What the server does with a question.
#[derive(Clone)]
enum Says {
    Name(&'static str),
    Address(IpAddr),
    /// Nobody has that name.
    Nobody,
    /// It does not work.
    Failure,
    Silence,
    /// An answer to another question and bytes that are none, then the right one.
    Noise(&'static str),
    /// Half an answer, and the whole one over TCP.
    Cut(&'static str),
    /// Half an answer, and half of one over TCP.
    CutTwice,
}

type Zone = HashMap<(String, u16), Says>;

/// A DNS server; it knows nobody but those of its zone.
struct Dns {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Dns {
    fn start(zone: Zone) -> Self {
        // The same port for both.
        let (socket, listener) =
            std::iter::repeat_with(|| UdpSocket::bind("127.0.0.1:0").expect("a free port"))
                .find_map(|socket| {
                    let address = socket.local_addr().expect("bound");
                    Some((socket, TcpListener::bind(address).ok()?))
                })
                .expect("a port that is free for both");
        let address = socket.local_addr().expect("bound");
        let dns = Self { address, zone: Arc::new(Mutex::new(zone)), asked: Arc::default() };
        let (zone, asked) = (Arc::clone(&dns.zone), Arc::clone(&dns.asked));
        let whole = Arc::clone(&dns.zone);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Whoever hangs up is none of ours.
                let _ = answer_whole(stream, &whole);
            }
        });
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                let message = &buffer[..size];
                let (name, kind) = question(message);
                asked.lock().expect("not poisoned").push(name.clone());
                let says = zone.lock().expect("not poisoned").get(&(name, kind)).cloned();
                for answer in answers(message, kind, &says.unwrap_or(Says::Nobody)) {
                    socket.send_to(&answer, from).expect("sent");
                }
            }
        });
        dns
    }

    fn turn_to(&self, name: &str, kind: u16, says: Says) {
        self.zone.lock().expect("not poisoned").insert((name.to_owned(), kind), says);
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("not poisoned").len()
    }
}

/// Answers one question over TCP.
fn answer_whole(mut stream: TcpStream, zone: &Mutex<Zone>) -> std::io::Result<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    let (name, kind) = question(&message);
    let says = zone.lock().expect("not poisoned").get(&(name, kind)).cloned();
    let (text, half) = match says {
        Some(Says::Cut(text)) => (text, false),
        _ => ("crawl.googlebot.com", true),
    };
    let answer = answers(&message, kind, &Says::Name(text)).remove(0);
    stream.write_all(&(answer.len() as u16).to_be_bytes())?;
    stream.write_all(&answer[..if half { answer.len() / 2 } else { answer.len() }])
}

/// The name and the type a message asks for.
fn question(message: &[u8]) -> (String, u16) {
    let (mut at, mut name) = (12, String::new());
    while message[at] != 0 {
        let length = usize::from(message[at]);
        name += std::str::from_utf8(&message[at + 1..=at + length]).expect("ASCII");
        name.push('.');
        at += length + 1;
    }
    (name.trim_end_matches('.').to_owned(), u16::from_be_bytes([message[at + 1], message[at + 2]]))
}

/// What is sent back, in the wire's form (RFC 1035 §4).
fn answers(message: &[u8], kind: u16, says: &Says) -> Vec<Vec<u8>> {
    let reply = |code: u8, data: Option<Vec<u8>>| {
        let mut reply = message.to_vec();
        (reply[2], reply[3]) = (0x81, 0x80 | code);
        if let Some(data) = data {
            reply[7] = 1;
            reply.extend([0xc0, 12]);
            reply.extend(kind.to_be_bytes());
            reply.extend([0, 1, 0, 0, 0, 60]);
            reply.extend((data.len() as u16).to_be_bytes());
            reply.extend(data);
        }
        reply
    };
    let name = |name: &str| {
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
        Some(labels.chain([0]).collect())
    };
    match says {
        Says::Name(text) => vec![reply(0, name(text))],
        Says::Address(IpAddr::V4(ip)) => vec![reply(0, Some(ip.octets().to_vec()))],
        Says::Address(IpAddr::V6(ip)) => vec![reply(0, Some(ip.octets().to_vec()))],
        Says::Nobody => vec![reply(3, None)],
        Says::Failure => vec![reply(2, None)],
        Says::Silence => Vec::new(),
        Says::Cut(_) | Says::CutTwice => {
            let mut cut = reply(0, None);
            cut[2] |= 0x02;
            vec![cut]
        }
        Says::Noise(text) => {
            let mut forged = reply(0, name("crawl.evil.example"));
            forged[0] ^= 0xff;
            vec![b"nonsense".to_vec(), forged, reply(0, name(text))]
        }
    }
}

fn zone(of: &[(&str, u16, Says)]) -> Zone {
    of.iter().map(|(name, kind, says)| (((*name).to_owned(), *kind), says.clone())).collect()
}

/// A gateway that tells by the status what it thinks of a crawler: 200 where it does not know yet.
fn gateway(dns: &Dns, more: &str) -> Gateway {
    Gateway::start(&format!(
        "listen: [{{ address: \"127.0.0.1:0\" }}]\nmetrics: {{ listen: \"127.0.0.1:0\" }}\n\
         client_ip: {{ header: x-forwarded-for, trusted: [127.0.0.0/8] }}\n\
         crawlers: {{ dns: {{ resolver: \"{}\"{more} }} }}\n\
         sites:\n  s:\n    hosts: [\"*\"]\n    upstream: {{ servers: [UPSTREAM] }}\n    rules:\n    \
         - {{ name: real, when: 'tag(\"crawler:verified\")', action: {{ block: {{ status: 410 }} }} }}\n    \
         - {{ name: pretenders, when: 'tag(\"crawler:unverified\")', action: {{ block: {{ status: 451 }} }} }}\n",
        dns.address
    ))
}

fn status(gateway: &Gateway, from: &str, agent: &str) -> u16 {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {from}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
    );
    exchange(gateway.address(), &request).expect("answered").0
}

const GOOGLEBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

fn await_status(gateway: &Gateway, from: &str, expected: u16) {
    let what = format!("{from} comes to {expected}");
    gateway.await_until(&what, |gateway| (status(gateway, from, GOOGLEBOT) == expected).then_some(()));
}

#[test]
fn a_crawler_is_verified_by_a_name_that_leads_back_to_its_address() {
    let v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.8.4.0.6.8.4.1.0.0.2.ip6.arpa";
    let dns = Dns::start(zone(&[
        ("1.66.249.66.in-addr.arpa", PTR, Says::Name("Crawl-1.GoogleBot.com")),
        ("crawl-1.googlebot.com", A, Says::Address("66.249.66.1".parse().expect("an address"))),
        (v6, PTR, Says::Noise("crawl-6.googlebot.com")),
        ("crawl-6.googlebot.com", AAAA, Says::Address("2001:4860:4801::1".parse().expect("an address"))),
        // Says that it is another's address.
        ("5.113.0.203.in-addr.arpa", PTR, Says::Name("crawl-1.googlebot.com")),
        // Has a name of its own, which is none of Google's.
        ("6.113.0.203.in-addr.arpa", PTR, Says::Name("crawl-1.googlebot.com.evil.example")),
        ("crawl-1.googlebot.com.evil.example", A, Says::Address("203.0.113.6".parse().expect("an address"))),
        ("2.66.249.66.in-addr.arpa", PTR, Says::Cut("crawl-2.googlebot.com")),
        ("crawl-2.googlebot.com", A, Says::Address("66.249.66.2".parse().expect("an address"))),
        ("10.113.0.203.in-addr.arpa", PTR, Says::CutTwice),
        ("8.113.0.203.in-addr.arpa", PTR, Says::Failure),
        ("9.113.0.203.in-addr.arpa", PTR, Says::Silence),
    ]));
    let gateway = gateway(&dns, ", timeout: 700ms");
    assert_eq!(status(&gateway, "66.249.66.1", "curl/8"), 200);
    assert_eq!(dns.asked(), 0, "nobody else is asked about");
    assert_eq!(status(&gateway, "66.249.66.1", GOOGLEBOT), 200, "nobody waits");
    await_status(&gateway, "66.249.66.1", 410);
    await_status(&gateway, "2001:4860:4801::1", 410);
    await_status(&gateway, "66.249.66.2", 410);
    for pretender in
        ["203.0.113.5", "203.0.113.6", "203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10"]
    {
        await_status(&gateway, pretender, 451);
    }
    let asked = dns.asked();
    for (from, expected) in [("66.249.66.1", 410), ("203.0.113.5", 451), ("203.0.113.9", 451)] {
        assert_eq!(status(&gateway, from, GOOGLEBOT), expected);
    }
    assert_eq!(dns.asked(), asked, "answers are kept, those of failures too");
    // One whose maker publishes no names is not asked about, and Bing is not Google.
    assert_eq!(status(&gateway, "66.249.66.1", "GPTBot/1.0"), 451);
    assert_eq!(status(&gateway, "66.249.66.1", "Mozilla/5.0 (compatible; bingbot/2.0)"), 451);
    let metrics = gateway.metrics();
    for (what, count) in [("confirmed", 4), ("unconfirmed", 2), ("failed", 3)] {
        let line = format!("portcullis_crawler_lookups_total{{what=\"{what}\"}} {count}");
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
}

#[test]
fn what_was_confirmed_outlives_a_reload_and_a_resolver_that_fails_and_is_asked_about_again() {
    let reverse = "1.66.249.66.in-addr.arpa";
    let dns = Dns::start(zone(&[
        (reverse, PTR, Says::Name("crawl-1.googlebot.com")),
        ("crawl-1.googlebot.com", A, Says::Address("66.249.66.1".parse().expect("an address"))),
    ]));
    let gateway = gateway(&dns, ", keep: 1ms, keep_unconfirmed: 1ms");
    await_status(&gateway, "66.249.66.1", 410);
    gateway.signal("-HUP");
    dns.turn_to(reverse, PTR, Says::Failure);
    let failed = "portcullis_crawler_lookups_total{what=\"failed\"} 1";
    gateway.await_until("it was asked in vain", |gateway| {
        assert_eq!(status(gateway, "66.249.66.1", GOOGLEBOT), 410);
        gateway.metrics().contains(failed).then_some(())
    });
    assert_eq!(status(&gateway, "66.249.66.1", GOOGLEBOT), 410, "a failure takes nothing back");
    assert_eq!(status(&gateway, "203.0.113.7", GOOGLEBOT), 200);
    dns.turn_to("7.113.0.203.in-addr.arpa", PTR, Says::Name("crawl-7.googlebot.com"));
    dns.turn_to("crawl-7.googlebot.com", A, Says::Address("203.0.113.7".parse().expect("an address")));
    await_status(&gateway, "203.0.113.7", 410);
    dns.turn_to("7.113.0.203.in-addr.arpa", PTR, Says::Nobody);
    await_status(&gateway, "203.0.113.7", 451);
}

#[test]
fn no_more_is_asked_than_policy_says() {
    let dns = Dns::start(zone(&[("1.113.0.203.in-addr.arpa", PTR, Says::Silence)]));
    let gateway = gateway(&dns, ", at_once: 1, timeout: 1m");
    for last in 1..20 {
        assert_eq!(status(&gateway, &format!("203.0.113.{last}"), GOOGLEBOT), 200);
    }
    let full = "portcullis_crawler_lookups_total{what=\"full\"} 18";
    assert!(gateway.metrics().contains(full), "{}", gateway.metrics());
    let asked = dns.asked.lock().expect("not poisoned").clone();
    assert!(asked.iter().all(|name| name == "1.113.0.203.in-addr.arpa"), "{asked:?}");
}
