//! One request and what it is.

use bytes::Bytes;
use portcullis_filter::builtin::{Pack, Workspace};
use portcullis_model::{Headers, RequestHead, Scheme, Version};
use portcullis_wire::{Budget, EncodedSlash, body, normalise};

/// A request, attack or benign.
pub(crate) struct Case {
    /// Its row in the table.
    pub(crate) class: String,
    pub(crate) attack: bool,
    pub(crate) method: String,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
    /// What the halves are split by: the payload, so that one payload in several places stays in one half.
    pub(crate) key: String,
}

impl Case {
    pub(crate) fn new(class: impl Into<String>, attack: bool, key: impl Into<String>) -> Self {
        Self {
            class: class.into(),
            attack,
            method: "GET".into(),
            target: b"/".to_vec(),
            headers: browser(),
            body: None,
            key: key.into(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn target(mut self, target: impl Into<Vec<u8>>) -> Self {
        self.target = sendable(&target.into());
        self
    }

    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.method = "POST".into();
        self.body = Some(body.into());
        self.header("Content-Type", media_type)
    }

    /// Whether it belongs to the half the pack is not tuned on.
    pub(crate) fn is_held_out(&self) -> bool {
        hash(self.key.as_bytes()) & 1 == 1
    }

    pub(crate) fn excerpt(&self) -> String {
        let text = format!(
            "{} {}",
            self.key,
            self.body
                .as_ref()
                .map(|body| String::from_utf8_lossy(body).into_owned())
                .filter(|_| !self.attack)
                .unwrap_or_default()
        );
        text.replace(['\n', '\r'], "⏎").chars().take(260).collect()
    }

    /// What a pack finds, as `rule@place (matched)`.
    pub(crate) fn inspect(&self, pack: &Pack, workspace: &mut Workspace) -> Vec<String> {
        let mut headers = Headers::default();
        for (name, value) in &self.headers {
            headers.push(name.clone(), value.clone());
        }
        let head = RequestHead {
            method: http::Method::from_bytes(self.method.as_bytes()).unwrap_or(http::Method::GET),
            target: Bytes::from(self.target.clone()),
            authority: None,
            version: Version::Http11,
            scheme: Scheme::Https,
            headers,
        };
        let normal = normalise(&head, EncodedSlash::Keep);
        let mut found = pack.inspect_head(&head, &normal, workspace).found;
        if let Some(bytes) = &self.body {
            let body =
                body::parse_as_declared(&Bytes::from(bytes.clone()), &head.headers, &Budget::default());
            found.extend(pack.inspect_body(&head, &body, workspace).found);
        }
        found
            .iter()
            .map(|finding| {
                format!(
                    "{}@{} ({})",
                    finding.rule.id,
                    finding.place,
                    String::from_utf8_lossy(&finding.matched)
                )
            })
            .collect()
    }
}

/// What a browser sends along.
fn browser() -> Vec<(String, Vec<u8>)> {
    [
        ("Host", "api.example.com"),
        ("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Sec-Ch-Ua", "\"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\""),
    ]
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .to_vec()
}

/// A target as clients send it: what may not stand in one is escaped, escapes stay.
fn sendable(target: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in target {
        match byte {
            b'!'..=b'~'
                if !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'#' | b'\\' | b'^' | b'{' | b'}' | b'|') =>
            {
                out.push(*byte);
            }
            byte => out.extend(format!("%{byte:02X}").bytes()),
        }
    }
    out
}

/// A value for a query or a form: everything but letters, digits and a few signs is escaped.
pub(crate) fn escape(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// FNV-1a, mixed.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    }
    hash ^ (hash >> 33)
}
