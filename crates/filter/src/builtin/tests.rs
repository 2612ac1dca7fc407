//! The pack against its own tests: every rule sees what it must, and nothing that it must not.

use bytes::Bytes;
use portcullis_model::{Headers, RequestHead, Scheme, Version};
use portcullis_wire::{Budget, EncodedSlash, body, normalise};

use super::load::{self, Example};
use super::*;

/// Everything the pack has.
fn strictest() -> Pack {
    Pack::new(&PackConfig { level: Level::FOUR, ..PackConfig::default() }).unwrap()
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "%20".to_owned(),
            b'!'..=b'~' if !matches!(byte, b'#' | b'?' | b'"' | b'<' | b'>') => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A request with an example in its place.
fn inspect(pack: &Pack, example: &Example) -> Findings {
    inspect_with(pack, example, &mut Workspace::default())
}

fn inspect_with(pack: &Pack, example: &Example, workspace: &mut Workspace) -> Findings {
    let text = &example.text;
    let mut head = RequestHead {
        method: http::Method::GET,
        target: Bytes::from_static(b"/"),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Https,
        headers: [("Host", "example.com")].into_iter().collect::<Headers>(),
    };
    let mut body = None;
    match example.place.as_str() {
        "query" => head.target = Bytes::from(format!("/?q={}", query_value(text))),
        "whole query" => head.target = Bytes::from(format!("/?{}", escaped(text))),
        "path" => head.target = Bytes::from(escaped(text)),
        "method" => head.method = http::Method::from_bytes(text.as_bytes()).unwrap(),
        "user agent" => head.headers.push("User-Agent", text.clone()),
        "headers" => head.headers.push("X-Custom", text.clone()),
        "cookies" => head.headers.push("Cookie", format!("c={text}")),
        "body" => {
            head.headers.push("Content-Type", "application/json");
            body = Some(Bytes::from(text.clone()));
        }
        "file names" => {
            head.headers.push("Content-Type", "multipart/form-data; boundary=b");
            let part = format!(
                "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{text}\"\r\n\r\nx\r\n--b--\r\n"
            );
            body = Some(Bytes::from(part));
        }
        place => panic!("no test can stand in `{place}`"),
    }
    let normal = normalise(&head, EncodedSlash::Keep);
    let mut findings = pack.inspect_head(&head, &normal, workspace);
    if let Some(bytes) = body {
        let body = body::parse_as_declared(&bytes, &head.headers, &Budget::default());
        findings.found.extend(pack.inspect_body(&head, &body, workspace).found);
    }
    findings
}

/// A value of a query; what looks escaped already stays so.
fn query_value(text: &str) -> String {
    escaped(text).replace('+', "%2B").replace('&', "%26")
}

#[test]
fn every_rule_sees_what_it_must_and_nothing_it_must_not() {
    let pack = strictest();
    let mut wrong = Vec::new();
    for written in load::load().unwrap() {
        let id = &written.rule.id;
        let seen =
            |example: &Example| inspect(&pack, example).found.iter().any(|finding| finding.rule.id == *id);
        for example in written.matches.iter().filter(|example| !seen(example)) {
            wrong.push(format!("{id} does not see {}: {:?}", example.place, example.text));
        }
        for example in written.passes.iter().filter(|example| seen(example)) {
            wrong.push(format!("{id} sees {}: {:?}", example.place, example.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rows of dots and of no-break spaces were looked at again from each of them: half a megabyte took minutes.
#[test]
fn long_rows_are_read_once() {
    let pack = strictest();
    for row in [".", "\u{a0}"] {
        let text = format!("\"1=1 {}/\"", row.repeat(400_000));
        inspect(&pack, &Example { place: "body".into(), text });
    }
    let steps = |dots: usize| Example { place: "query".into(), text: format!("{}/../x", ".".repeat(dots)) };
    let climbs =
        |dots| inspect(&pack, &steps(dots)).found.iter().any(|finding| finding.rule.id == "traversal-up");
    assert_eq!([2, 4, 5, 6, 7].map(climbs), [true; 5]);
}

/// What a worker remembers of clean texts hides nothing, neither in the same place nor in another.
#[test]
fn a_used_workspace_sees_what_a_fresh_one_sees() {
    let pack = strictest();
    let mut used = Workspace::default();
    for _ in 0..2 {
        for written in load::load().unwrap() {
            for example in written.matches.iter().chain(&written.passes) {
                let fresh = inspect(&pack, example);
                assert_eq!(inspect_with(&pack, example, &mut used).found, fresh.found, "{}", example.text);
            }
        }
    }
}

#[test]
fn json_written_as_text_is_read_as_json() {
    let pack = strictest();
    let finds = |text: &str, place: &str| {
        let example = Example { place: place.to_owned(), text: text.to_owned() };
        let found = inspect(&pack, &example).found;
        let told: Vec<String> =
            found.iter().map(|finding| format!("{} {}", finding.rule.class, finding.place)).collect();
        told
    };
    // By itself the value is one that continues a number in a query; in the text of a document it is not.
    let document = r#"{"a":{"name":"x","note":"1 or 1=1"}}"#;
    let string = serde_json::to_string(document).unwrap();
    let nested = serde_json::to_string(&format!("[{string}]")).unwrap();
    for (text, place, expected) in [
        (format!(r#"{{"data":{string}}}"#), "body", "sqli body.data.a.note"),
        (format!(r#"{{"data":{nested}}}"#), "body", "sqli body.data"),
        (document.to_owned(), "headers", "sqli headers.x-custom.a.note"),
        (document.to_owned(), "query", "sqli query.q.a.note"),
    ] {
        let told = finds(&text, place);
        assert!(told.iter().any(|told| told.starts_with(expected)), "{text}: {told:?}");
    }
    assert!(finds(r#"{"data":"[] and {} are empty"}"#, "body").is_empty());
}

#[test]
fn documents_within_documents_end_with_the_steps() {
    let pack = Pack::new(&PackConfig { steps: 100_000, ..PackConfig::default() }).unwrap();
    let deep =
        (0..6).fold("[1]".to_owned(), |inner, _| format!("[{}]", serde_json::to_string(&inner).unwrap()));
    let wide = serde_json::to_string(&"[[1],[2]],".repeat(5_000)).unwrap();
    for text in [deep, format!("[{wide}]")] {
        let example = Example { place: "body".to_owned(), text };
        assert!(inspect(&pack, &example).found.is_empty());
    }
}
