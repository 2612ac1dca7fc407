//! The requests: ordinary ones whose values nobody has sent before, and hostile ones of the size of the form.
//!
//! Values come from one generator with a fixed seed: every run has the same requests, and no two requests of a run the
//! same values. The file's format: for each request a line `KIND METHOD URI HEADERS LENGTH`, as many lines
//! `name: value`, the body and a line end.

use std::fmt::Write as _;

use super::contestant::Contestant;

/// Leaves of the two JSON bodies, fields of the form: what 1, 16 and 4 KB hold of them.
const SMALL_LEAVES: usize = 42;
const LARGE_LEAVES: usize = 784;
const FIELDS: usize = 163;
/// Bytes of a hostile body.
const HOSTILE: usize = 4_096;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A browser's GET with a short query.
    Get,
    /// 1 KB of JSON.
    SmallJson,
    /// A form of 4 KB.
    Form,
    /// 16 KB of JSON.
    LargeJson,
    /// Quotes without end.
    Quotes,
    /// Brackets within brackets.
    Brackets,
    /// Escapes of escapes.
    Encodings,
    /// Words that are almost attacks.
    NearMatches,
}

impl Kind {
    /// In the order of the table.
    pub(super) const ALL: [Self; 8] = [
        Self::Get,
        Self::SmallJson,
        Self::Form,
        Self::LargeJson,
        Self::Quotes,
        Self::Brackets,
        Self::Encodings,
        Self::NearMatches,
    ];

    /// What drivers call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::SmallJson => "json-1k",
            Self::Form => "form-4k",
            Self::LargeJson => "json-16k",
            Self::Quotes => "quotes-4k",
            Self::Brackets => "brackets-4k",
            Self::Encodings => "encodings-4k",
            Self::NearMatches => "near-matches-4k",
        }
    }

    /// What the table calls it.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Get => "GET, browser headers, short query",
            Self::SmallJson => "POST, 1 KB JSON, 42 leaves",
            Self::Form => "POST, 4 KB form, 163 fields",
            Self::LargeJson => "POST, 16 KB JSON, 784 leaves",
            Self::Quotes => "POST, 4 KB form of quotes",
            Self::Brackets => "POST, 4 KB form of brackets",
            Self::Encodings => "POST, 4 KB form of escapes",
            Self::NearMatches => "POST, 4 KB form of near-matches",
        }
    }

    /// Requests a turn: enough that filling the processor's caches anew is a small part of it, few enough that a run
    /// takes minutes.
    pub(super) fn count(self, contestant: Contestant) -> u32 {
        let (fast, slow) = self.counts();
        if contestant == Contestant::Libmodsecurity { slow } else { fast }
    }

    /// For contestants that take little time, and for the one that takes much.
    const fn counts(self) -> (u32, u32) {
        match self {
            Self::Get => (1600, 20),
            Self::SmallJson => (600, 10),
            Self::Form => (240, 4),
            Self::LargeJson => (60, 2),
            _ => (120, 2),
        }
    }

    /// Requests under callgrind: those that warm a contestant, and those that count.
    pub(super) fn counted(self, contestant: Contestant) -> (u32, u32) {
        let counted = if matches!(self, Self::Get | Self::SmallJson) { 10 } else { 3 };
        match contestant {
            Contestant::Libmodsecurity | Contestant::Cold => (2, counted),
            Contestant::Naive => (20, counted),
            Contestant::Warm => (self.counts().0, 10 * counted),
        }
    }

    /// Is it sent to make the filter work?
    pub(super) const fn is_hostile(self) -> bool {
        matches!(self, Self::Quotes | Self::Brackets | Self::Encodings | Self::NearMatches)
    }

    const fn is_json(self) -> bool {
        matches!(self, Self::SmallJson | Self::LargeJson)
    }
}

/// Turns that each contestant gets before the first round, so that it has what a worker has that served others: patterns
/// are made ready when a value first needs them.
pub(super) const WARMING: u32 = 4;

/// The values that are measured, and those that are counted to build by.
pub(super) const MEASURED: u64 = 0x5eed;
pub(super) const COUNTED: u64 = 0x7ea1_0ad5;

/// The file of requests: as many of each kind as are taken in so many rounds and before the first, so that none comes
/// twice.
pub(super) fn file(seed: u64, rounds: u32) -> String {
    let mut values = Values(seed);
    let mut file = String::new();
    for kind in Kind::ALL {
        for _ in 0..kind.counts().0 * (rounds + WARMING) {
            push_request(&mut file, kind, &mut values);
        }
    }
    file
}

/// A file of so many requests of each kind but the hostile ones, with the values that are counted.
pub(crate) fn ordinary(each: usize) -> String {
    let mut values = Values(COUNTED);
    let mut file = String::new();
    for _ in 0..each {
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_hostile()) {
            push_request(&mut file, kind, &mut values);
        }
    }
    file
}

fn push_request(file: &mut String, kind: Kind, values: &mut Values) {
    let body = body_of(kind, values);
    let method = if kind == Kind::Get { "GET" } else { "POST" };
    let uri = format!("/shop/{}/items?q={}&page={}", values.word(), values.words(2, '+'), values.below(90));
    let mut headers = vec![
        "Host: shop.example.com".to_owned(),
        format!(
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
            100 + values.below(60)
        ),
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
            .to_owned(),
        "Accept-Language: en-GB,en;q=0.5".to_owned(),
        "Accept-Encoding: gzip, deflate, br".to_owned(),
        format!("Referer: https://shop.example.com/{}/list?page={}", values.word(), values.below(90)),
        format!("Cookie: session={}; theme={}", values.token(), values.word()),
        "Connection: keep-alive".to_owned(),
    ];
    if kind != Kind::Get {
        let form = "application/x-www-form-urlencoded";
        headers.push(format!("Content-Type: {}", if kind.is_json() { "application/json" } else { form }));
        headers.push(format!("Content-Length: {}", body.len()));
    }
    // Writing to a String cannot fail.
    let _ = writeln!(file, "{} {method} {uri} {} {}", kind.name(), headers.len(), body.len());
    let _ = writeln!(file, "{}\n{body}", headers.join("\n"));
}

fn body_of(kind: Kind, values: &mut Values) -> String {
    match kind {
        Kind::Get => String::new(),
        Kind::SmallJson => json(SMALL_LEAVES, values),
        Kind::LargeJson => json(LARGE_LEAVES, values),
        Kind::Form => {
            let fields =
                (0..FIELDS).map(|field| format!("field_{field}={}", values.leaf().replace(' ', "+")));
            fields.collect::<Vec<_>>().join("&")
        }
        Kind::Quotes => hostile(values, &["%27", "%22", "%60", "%27%27", "%22%27"]),
        Kind::Brackets => {
            hostile(values, &["(", "%7B", "%5B", "%3C", ")", "%7D", "%5D", "%3E", "((", "%7B%7B"])
        }
        Kind::Encodings => {
            hostile(values, &["%2525", "%25u0041", "%2526%2523x41%253B", "%255cx41", "%252B", "%25%32%35"])
        }
        Kind::NearMatches => hostile(
            values,
            &[
                "selec+",
                "unio+al+",
                "+o+1%3D+",
                "%3Cscrip+",
                "javascrip%3A+",
                "..%2F",
                "/etc/passw+",
                "eva(",
                "%24%7Bjnd+",
                "onloa%3D+",
                "ca+/et",
            ],
        ),
    }
}

/// Objects of ten members in a list.
fn json(leaves: usize, values: &mut Values) -> String {
    const NAMES: [&str; 10] = ["id", "name", "mail", "price", "note", "made", "flag", "kind", "ref", "qty"];
    let members: Vec<String> = NAMES
        .iter()
        .cycle()
        .take(leaves)
        .map(|name| {
            let leaf = values.leaf();
            if leaf.parse::<f64>().is_ok() {
                format!("\"{name}\":{leaf}")
            } else {
                format!("\"{name}\":\"{leaf}\"")
            }
        })
        .collect();
    let objects: Vec<String> =
        members.chunks(NAMES.len()).map(|some| format!("{{{}}}", some.join(","))).collect();
    format!("{{\"items\":[{}]}}", objects.join(","))
}

/// Two fields made of `pieces` in no order.
fn hostile(values: &mut Values, pieces: &[&str]) -> String {
    let mut body = format!("{}=", values.word());
    while body.len() < HOSTILE {
        if body.len() % 2_000 < 8 && body.len() > 1_000 {
            body.push_str("&note=");
        }
        let piece = values.below(pieces.len());
        body.push_str(pieces.get(piece).copied().unwrap_or_default());
    }
    body
}

/// A generator of values as applications send them.
struct Values(u64);

const WORDS: [&str; 40] = [
    "alpha", "report", "order", "customer", "invoice", "street", "blue", "window", "paper", "monday",
    "total", "north", "river", "copper", "apple", "garden", "update", "list", "season", "harbour", "group",
    "table", "user", "quick", "delivery", "Berlin", "Kowalski", "O Neill", "receipt", "shipping", "green",
    "large", "for", "and", "near", "the", "with", "Maria", "today", "number",
];

impl Values {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    /// A word with a number behind it, so that it is fresh.
    fn word(&mut self) -> String {
        let word = self.below(WORDS.len());
        format!("{}{}", WORDS.get(word).copied().unwrap_or_default().replace(' ', ""), self.below(100_000))
    }

    fn words(&mut self, count: usize, between: char) -> String {
        let words: Vec<String> = (0..count)
            .map(|_| {
                let word = self.below(WORDS.len());
                WORDS.get(word).copied().unwrap_or_default().replace(' ', &between.to_string())
            })
            .collect();
        format!("{}{between}{}", words.join(&between.to_string()), self.below(10_000))
    }

    fn token(&mut self) -> String {
        let mut quarter = || self.below(1 << 31);
        format!("{:08x}{:08x}{:08x}{:08x}", quarter(), quarter(), quarter(), quarter())
    }

    fn leaf(&mut self) -> String {
        match self.below(8) {
            0 => self.below(10_000_000).to_string(),
            1 => self.word(),
            2 => self.words(2, ' '),
            3 => format!("{}@example.com", self.word()),
            4 => format!("2026-0{}-1{}T10:{}:11Z", 1 + self.below(9), self.below(10), 10 + self.below(50)),
            5 => format!("{:08x}-{:04x}", self.below(1 << 31), self.below(1 << 16)),
            6 => format!("{}.{:02}", self.below(100_000), self.below(100)),
            _ => self.words(1, ' '),
        }
    }
}
