//! The requests: a browser's GET, a form of 163 fields, JSON of 42 and of 784 leaves, each with values of its own.

use bytes::Bytes;
use portcullis_model::{Headers, RequestHead, Scheme, Version};
use portcullis_wire::{Body, Normal};

/// The requests by name.
pub(crate) const KINDS: [&str; 4] = ["get", "json-1k", "form-4k", "json-16k"];

/// A request as the host has it when the filter's turn comes.
pub(crate) struct Made {
    pub(crate) head: RequestHead,
    pub(crate) normal: Normal,
    pub(crate) body: Option<(Bytes, Body)>,
}

const WORDS: [&str; 24] = [
    "amber", "Birch", "copper", "delta", "Ember", "fjord", "garnet", "harbour", "Indigo", "juniper",
    "kestrel", "lantern", "meadow", "Nimbus", "orchid", "pewter", "quartz", "River", "saffron", "timber",
    "umbra", "violet", "willow", "zephyr",
];

/// A small generator, so that every request has values of its own and every run the same ones.
struct Values(u64);

impl Values {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn word(&mut self) -> &'static str {
        WORDS.get(self.next() as usize % WORDS.len()).copied().unwrap_or_default()
    }

    /// A value as people's data has it: numbers, identifiers, names, dates, mail addresses, short texts.
    fn value(&mut self) -> String {
        let number = self.next() % 1_000_000;
        match self.next() % 7 {
            0 => format!("{number}"),
            1 => format!("{}-{:08x}", self.word(), self.next()),
            2 => format!("{} {} {number}", self.word(), self.word()),
            3 => format!("2026-{:02}-{:02}T{:02}:15:00Z", 1 + number % 12, 1 + number % 28, number % 24),
            4 => format!("{}.{number}@example.com", self.word().to_lowercase()),
            5 => format!("{}{number}", self.word()),
            _ => format!("{} of the {} {}", self.word(), self.word(), self.word()),
        }
    }

    fn leaf(&mut self) -> String {
        match self.next() % 5 {
            0 => format!("{}", self.next() % 100_000),
            1 => "true".to_owned(),
            _ => format!("\"{}\"", self.value()),
        }
    }
}

/// A request of that kind; equal seeds give equal requests.
pub(crate) fn make(kind: &str, seed: u64) -> (RequestHead, Option<Bytes>) {
    let mut values = Values(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    match kind {
        "get" => (
            head(
                "GET",
                &format!("/shop/items/{}?q={}&page=2", values.next() % 9999, values.word()),
                &mut values,
                None,
            ),
            None,
        ),
        "json-1k" => posted(json(&mut values, 7), "application/json", &mut values),
        "form-4k" => posted(form(&mut values), "application/x-www-form-urlencoded", &mut values),
        _ => posted(json(&mut values, 131), "application/json", &mut values),
    }
}

/// Records of six leaves.
fn json(values: &mut Values, records: usize) -> String {
    let record = |values: &mut Values| {
        format!(
            r#"{{"id":{},"name":"{}","count":{},"on":{},"at":"{}","k":{}}}"#,
            values.next() % 100_000,
            values.value(),
            values.next() % 100,
            values.next().is_multiple_of(2),
            values.word(),
            values.leaf()
        )
    };
    let records: Vec<String> = (0..records).map(|_| record(values)).collect();
    format!(r#"{{"items":[{}]}}"#, records.join(","))
}

fn form(values: &mut Values) -> String {
    let pairs: Vec<String> = (0..163)
        .map(|at| {
            let value = values.value().replace(' ', "+").replace(':', "%3A").replace('@', "%40");
            format!("field_{at}={value}")
        })
        .collect();
    pairs.join("&")
}

fn posted(body: String, kind: &str, values: &mut Values) -> (RequestHead, Option<Bytes>) {
    (head("POST", "/shop/orders", values, Some((kind, body.len()))), Some(Bytes::from(body)))
}

fn head(method: &str, target: &str, values: &mut Values, body: Option<(&str, usize)>) -> RequestHead {
    let mut headers = Headers::default();
    for (name, value) in [
        ("Host", "shop.example"),
        (
            "User-Agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        ),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Referer", "https://shop.example/shop/items"),
        ("Sec-Fetch-Dest", "document"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Site", "same-origin"),
        ("Upgrade-Insecure-Requests", "1"),
    ] {
        headers.push(name, value);
    }
    headers.push(
        "Cookie",
        format!("session={:016x}{:08x}; theme=dark; seen={}", values.next(), values.next(), values.next()),
    );
    if let Some((kind, length)) = body {
        headers.push("Content-Type", kind);
        headers.push("Content-Length", length.to_string());
    }
    RequestHead {
        method: method.parse().unwrap(),
        target: Bytes::from(target.to_owned()),
        authority: None,
        version: Version::Http11,
        scheme: Scheme::Https,
        headers,
    }
}
