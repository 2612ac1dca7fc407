//! The engine's cases through the real proxy: a process, sockets, an upstream that answers as the case says.
//!
//! Left to the engine's own run: cases that need TLS. Where a case's client is comes through a field that is believed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

use portcullis_engine::cases::{Case, CaseFile, Seen, mismatches};
use portcullis_engine::{Connection, Refusal};
use portcullis_model::event::Answerer;
use portcullis_model::{Ban, Event};

use crate::harness::{Gateway, PATIENCE};

/// Where the cases are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/testdata");

/// The field through which a case says where its client is; it is the last hop where a policy believes in hops.
const FROM: &str = "X-Forwarded-For";

#[test]
fn the_proxy_decides_cases_as_the_engine_does() {
    let (mut ran, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(FOLDER).expect("cases") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a file of cases");
        let file = CaseFile::parse(&name, &text).expect("cases");
        let plain = |case: &&Case| case.request.sni.is_none() && case.request.certificate.is_none();
        let cases: Vec<&Case> = file.cases.iter().filter(plain).collect();
        // Most of a case is waiting for its processes: a few wait together.
        for together in cases.chunks(8) {
            let found = std::thread::scope(|scope| {
                let running: Vec<_> =
                    together.iter().map(|case| scope.spawn(|| compare(&file, case))).collect();
                running.into_iter().flat_map(|one| one.join().expect("no case panics")).collect::<Vec<_>>()
            });
            wrong.extend(found.into_iter().map(|mismatch| format!("{name}: {mismatch}")));
            ran += together.len();
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(ran >= 90, "only {ran} cases ran");
}

fn compare(file: &CaseFile, case: &Case) -> Vec<String> {
    let found = mismatches(&case.expect, &case.response, &drive(file, case));
    found.into_iter().map(|mismatch| format!("{}: {mismatch}", case.name)).collect()
}

/// One case, with buckets and bans of its own.
fn drive(file: &CaseFile, case: &Case) -> Seen {
    let (upstream, asked) = answer_as(case);
    let mut gateway = Gateway::prepare("");
    for (name, text) in file.named() {
        gateway.write(name, text);
    }
    gateway.write_policy(&over_loopback(&file.policy, upstream));
    gateway.run();
    let answers: Vec<Answer> = (0..case.times).map(|time| send(gateway.address(), case, time)).collect();
    let answer = answers.into_iter().last().expect("sent at least once");
    let event = gateway.await_until("the last event is committed", |gateway| {
        let events = gateway.json(&["events", "--limit", "1000"]);
        let complete = events.len() == case.times as usize;
        complete.then(|| {
            serde_json::from_value::<Event>(events.last().expect("at least one").clone()).expect("an event")
        })
    });
    let bans = gateway.json(&["ban", "ls"]).remove(0);
    seen(
        case,
        event,
        answer,
        asked.try_iter().last(),
        serde_json::from_value(bans["bans"].clone()).expect("bans"),
    )
}

/// The policy with addresses that are there, and this machine believed where it says for whom it speaks.
fn over_loopback(policy: &str, upstream: SocketAddr) -> String {
    let mut policy = policy.replace("127.0.0.1:8080", "127.0.0.1:0");
    for site in ["127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002"] {
        policy = policy.replace(site, &upstream.to_string());
    }
    if policy.contains("client_ip:") {
        policy.replace("trusted: [", "trusted: [127.0.0.0/8, ")
    } else {
        format!("{policy}\nclient_ip: {{ header: {FROM}, trusted: [127.0.0.0/8] }}\n")
    }
}

/// A request as the upstream got it.
struct Asked {
    target: String,
    headers: Vec<(String, String)>,
}

/// An answer as the client got it.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn seen(case: &Case, event: Event, answer: Answer, asked: Option<Asked>, bans: Vec<Ban>) -> Seen {
    let by_gateway = event.response.as_ref().is_some_and(|response| response.from == Answerer::Gateway);
    let refusal = by_gateway.then(|| Refusal {
        status: answer.status,
        title: "",
        headers: answer.headers.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect(),
        body: None,
        page: None,
        prove: None,
        id: event.id,
        connection: Connection::Keep,
    });
    assert!(by_gateway || answer.status == case.response.status, "{}: {}", case.name, answer.status);
    // A case expects of a response what the engine says of it; the proxy forwards it or refuses it as a whole.
    let forwarded = asked.is_some();
    let (target, upstream_headers) =
        asked.map_or((None, Vec::new()), |asked| (Some(asked.target), asked.headers));
    let answer_headers = if by_gateway { Vec::new() } else { answer.headers };
    let body = (forwarded && !by_gateway).then(|| answer.body.into());
    Seen { event, refusal, target, upstream_headers, answer_headers, body, bans, observed: false }
}

/// A site that answers every request as the case says, and tells what it was asked.
fn answer_as(case: &Case) -> (SocketAddr, mpsc::Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (tell, asked) = mpsc::channel();
    let mut message = format!("HTTP/1.1 {} Whatever\r\n", case.response.status);
    for header in &case.response.headers {
        message += &format!("{header}\r\n");
    }
    message += &format!("Content-Length: {}\r\n\r\n{}", case.response.body.len(), case.response.body);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (tell, message) = (tell.clone(), message.clone());
            std::thread::spawn(move || serve(&stream, &tell, &message));
        }
    });
    (address, asked)
}

fn serve(stream: &TcpStream, tell: &mpsc::Sender<Asked>, message: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream.try_clone().ok()?;
    loop {
        let (line, headers) = read_head(&mut reader)?;
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        std::io::copy(&mut Read::take(&mut reader, length), &mut std::io::sink()).ok()?;
        let head = line.starts_with("HEAD ");
        tell.send(Asked { target: line.split(' ').nth(1)?.to_owned(), headers }).ok()?;
        let end = message.find("\r\n\r\n")? + 4;
        writer.write_all(if head { message.get(..end)? } else { message }.as_bytes()).ok()?;
    }
}

/// A first line and the fields after it, names in lower case; `None` at the end of the stream.
fn read_head(reader: &mut impl BufRead) -> Option<(String, Vec<(String, String)>)> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Some((first, headers)) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn send(gateway: SocketAddr, case: &Case, time: u32) -> Answer {
    let request = &case.request;
    let mut message = format!("{} HTTP/1.1\r\nHost: {}\r\n", request.line(time), request.host);
    for header in &request.headers {
        message += &format!("{header}\r\n");
    }
    message += &format!("{FROM}: {}\r\n", request.from);
    let body = request.body();
    if let Some(body) = &body {
        message += &format!("Content-Length: {}\r\n", body.len());
    }
    message += "Connection: close\r\n\r\n";
    message += body.as_deref().unwrap_or_default();
    let mut stream = TcpStream::connect(gateway).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.write_all(message.as_bytes()).expect("sent");
    let mut reader = BufReader::new(stream);
    let (first, headers) = read_head(&mut reader).expect("answered");
    let mut body = Vec::new();
    reader.read_to_end(&mut body).expect("closed by the gateway");
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
    Answer { status, headers, body }
}
