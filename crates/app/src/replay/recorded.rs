//! Recorded traffic as files hold it: HAR 1.2, or JSON lines of exchanges.
//!
//! Invariants: what cannot be read is told with its number and skipped, the rest goes on; order is that of time where
//! every exchange has one, else that of the file. Does not know what is done with the exchanges.

use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use portcullis_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// One exchange as recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Recorded {
    /// When it began.
    pub(crate) time: Option<Timestamp>,
    /// The client's address.
    pub(crate) client: Option<IpAddr>,
    /// The request's method.
    pub(crate) method: String,
    /// The absolute URL.
    pub(crate) url: String,
    /// Header fields in order.
    pub(crate) headers: Vec<(String, String)>,
    /// The request's body.
    pub(crate) body: Vec<u8>,
    /// Whether all of it came.
    pub(crate) arrived: Arrived,
    /// What was answered; absent if that was not recorded.
    pub(crate) response: Option<RecordedResponse>,
}

/// How much of a request's body there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// All of it.
    #[default]
    Whole,
    /// Less than its framing says; nothing more comes.
    InPart,
}

/// A recorded answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecordedResponse {
    /// The status.
    pub(crate) status: u16,
    /// Header fields in order.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, content codings off (so HAR keeps it).
    pub(crate) body: Vec<u8>,
}

/// What a file held.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Recording {
    /// The exchanges.
    pub(crate) exchanges: Vec<Recorded>,
    /// What could not be read, in words.
    pub(crate) skipped: Vec<String>,
}

/// Reads either format.
pub(crate) fn parse(text: &str) -> Result<Recording> {
    let mut recording = match serde_json::from_str::<Value>(text) {
        Ok(document) if document.get("log").is_some() => parse_har(&document)?,
        _ => parse_lines(text),
    };
    if recording.exchanges.is_empty() {
        match recording.skipped.first() {
            Some(first) => bail!("nothing in it can be replayed; the first trouble: {first}"),
            None => bail!("it holds no exchange; HAR 1.2, or JSON lines such as {EXAMPLE}"),
        }
    }
    if recording.exchanges.iter().all(|one| one.time.is_some()) {
        recording.exchanges.sort_by_key(|one| one.time);
    }
    Ok(recording)
}

const EXAMPLE: &str =
    r#"{"request":{"method":"GET","url":"http://shop.example/x"},"response":{"status":200}}"#;

fn parse_har(document: &Value) -> Result<Recording> {
    let entries = document.pointer("/log/entries").and_then(Value::as_array);
    let entries = entries.context("a HAR file has its exchanges under `log.entries`; this one has none")?;
    let read = entries.iter().enumerate().map(|(at, entry)| {
        HarEntry::deserialize(entry)
            .map_err(|error| error.to_string())
            .and_then(HarEntry::into_recorded)
            .map_err(|error| format!("entry {}: {error}", at + 1))
    });
    Ok(collect(read))
}

fn parse_lines(text: &str) -> Recording {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    collect(lines.map(|(at, line)| {
        serde_json::from_str::<Line>(line)
            .map_err(|error| error.to_string())
            .and_then(Line::into_recorded)
            .map_err(|error| format!("line {}: {error}", at + 1))
    }))
}

fn collect(read: impl Iterator<Item = Result<Recorded, String>>) -> Recording {
    let mut recording = Recording::default();
    for one in read {
        match one {
            Ok(exchange) => recording.exchanges.push(exchange),
            Err(trouble) => recording.skipped.push(trouble),
        }
    }
    recording
}

/// `log.entries[]` of HAR 1.2; what replay does not need is left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarEntry {
    #[serde(default)]
    started_date_time: Option<String>,
    request: HarRequest,
    #[serde(default)]
    response: Option<HarResponse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<HarPair>,
    #[serde(default)]
    post_data: Option<HarContent>,
}

#[derive(Deserialize)]
struct HarResponse {
    #[serde(default)]
    status: i64,
    #[serde(default)]
    headers: Vec<HarPair>,
    #[serde(default)]
    content: Option<HarContent>,
}

#[derive(Deserialize)]
struct HarPair {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct HarContent {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
}

impl HarContent {
    fn into_bytes(self) -> Result<Vec<u8>, String> {
        let text = self.text.unwrap_or_default();
        match self.encoding.as_deref() {
            None | Some("") => bytes_of(Some(text), None),
            Some("base64") => bytes_of(None, Some(text)),
            Some(other) => Err(format!("a body in the unknown encoding `{other}`")),
        }
    }
}

/// A body as a file holds it: as text, or in Base64.
fn bytes_of(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, String> {
    match (text, base64) {
        (Some(_), Some(_)) => Err("both `body` and `body_base64`".to_owned()),
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(text)) => {
            BASE64_STANDARD.decode(text).map_err(|error| format!("a body's base64: {error}"))
        }
        (None, None) => Ok(Vec::new()),
    }
}

impl HarEntry {
    fn into_recorded(self) -> Result<Recorded, String> {
        let body = self.request.post_data.map(HarContent::into_bytes).transpose()?.unwrap_or_default();
        // HTTP/2 exports carry pseudo-header fields; they say again what method and URL say.
        let fields = |pairs: Vec<HarPair>| -> Vec<(String, String)> {
            let real = pairs.into_iter().filter(|pair| !pair.name.starts_with(':'));
            real.map(|pair| (pair.name, pair.value)).collect()
        };
        let response = match self.response {
            // Browsers write 0 where no answer came.
            Some(response) if response.status > 0 => Some(RecordedResponse {
                status: u16::try_from(response.status).map_err(|_| "a status that is none".to_owned())?,
                body: response.content.map(HarContent::into_bytes).transpose()?.unwrap_or_default(),
                headers: fields(response.headers),
            }),
            _ => None,
        };
        Ok(Recorded {
            time: self.started_date_time.as_deref().and_then(Timestamp::parse),
            client: None,
            method: self.request.method,
            url: self.request.url,
            headers: fields(self.request.headers),
            body,
            arrived: Arrived::Whole,
            response,
        })
    }
}

/// One line of our own format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    time: Option<Timestamp>,
    #[serde(default)]
    client: Option<IpAddr>,
    request: LineRequest,
    #[serde(default)]
    response: Option<LineResponse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineRequest {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Fields,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineResponse {
    status: u16,
    #[serde(default)]
    headers: Fields,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    body_base64: Option<String>,
}

/// A map, or a list of pairs where names repeat.
#[derive(Deserialize)]
#[serde(untagged)]
enum Fields {
    Map(serde_json::Map<String, Value>),
    Pairs(Vec<(String, String)>),
}

impl Default for Fields {
    fn default() -> Self {
        Self::Pairs(Vec::new())
    }
}

impl Fields {
    fn into_pairs(self) -> Vec<(String, String)> {
        match self {
            Self::Pairs(pairs) => pairs,
            Self::Map(map) => map
                .into_iter()
                .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                .collect(),
        }
    }
}

fn get() -> String {
    "GET".to_owned()
}

impl Line {
    fn into_recorded(self) -> Result<Recorded, String> {
        let response = match self.response {
            Some(response) => Some(RecordedResponse {
                status: response.status,
                headers: response.headers.into_pairs(),
                body: bytes_of(response.body, response.body_base64)?,
            }),
            None => None,
        };
        Ok(Recorded {
            time: self.time,
            client: self.client,
            method: self.request.method,
            url: self.request.url,
            headers: self.request.headers.into_pairs(),
            body: bytes_of(self.request.body, self.request.body_base64)?,
            arrived: Arrived::Whole,
            response,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_har() {
        let text = r#"{"log":{"version":"1.2","entries":[
            {"startedDateTime":"2026-01-02T00:00:01Z","request":{"method":"POST","url":"https://a.example/login",
              "httpVersion":"HTTP/2","headers":[{"name":":authority","value":"a.example"},{"name":"X-A","value":"1"}],
              "postData":{"mimeType":"application/json","text":"{}"}},
             "response":{"status":200,"headers":[],"content":{"text":"aGk=","encoding":"base64"}}},
            {"startedDateTime":"2026-01-02T00:00:00Z","request":{"method":"GET","url":"https://a.example/"},
             "response":{"status":0}},
            {"request":{"url":"https://a.example/"}}]}}"#;
        let recording = parse(text).expect("reads");
        assert_eq!(recording.exchanges.len(), 2);
        assert_eq!(recording.skipped.len(), 1, "{:?}", recording.skipped);
        let [first, second] = &recording.exchanges[..] else { panic!("two") };
        assert_eq!((first.method.as_str(), &first.response), ("GET", &None));
        assert_eq!(second.headers, [("X-A".to_owned(), "1".to_owned())]);
        assert_eq!(second.response.as_ref().map(|response| &response.body[..]), Some(&b"hi"[..]));
    }

    #[test]
    fn reads_lines_and_tells_what_it_skips() {
        let text = "{\"client\":\"203.0.113.9\",\"request\":{\"url\":\"http://a/x\",\"headers\":{\"A\":\"b\"}}}\n\n\
                    {\"request\":{\"url\":\"http://a/x\",\"verb\":\"GET\"}}\nrubbish\n";
        let recording = parse(text).expect("reads");
        assert_eq!(recording.exchanges.len(), 1);
        assert!(recording.skipped[0].starts_with("line 3: unknown field `verb`"), "{:?}", recording.skipped);
        assert!(recording.skipped[1].starts_with("line 4:"));
    }

    #[test]
    fn an_empty_or_foreign_file_is_explained() {
        for text in ["", "{}", "[1,2]", "{\"log\":{}}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
