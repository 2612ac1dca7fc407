//! A backend like the suite's: an empty 200 to everything but `POST /reflect`, which says what to answer.

use base64::Engine as _;
use bytes::Bytes;
use portcullis_model::{Headers, RequestHead, ResponseHead, Version};

/// An answer.
pub(crate) struct Answer {
    /// Its head.
    pub head: ResponseHead,
    /// Its body.
    pub body: Bytes,
}

/// Answers a request.
pub(crate) fn answer(head: &RequestHead, body: &[u8]) -> Answer {
    let path = head.target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let reflected = (head.method == "POST" && path == b"/reflect").then(|| serde_json::from_slice(body).ok());
    match reflected.flatten() {
        Some(wanted) => reflect(&wanted),
        None => made(200, Headers::default(), Bytes::new()),
    }
}

fn reflect(wanted: &serde_json::Value) -> Answer {
    let status = wanted["status"].as_u64().unwrap_or(200) as u16;
    let mut headers: Headers = wanted["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            (name.clone().into_bytes(), value.as_str().unwrap_or_default().as_bytes().to_vec())
        })
        .collect();
    let body = match (wanted["body"].as_str(), wanted["encodedBody"].as_str()) {
        (Some(body), _) if !body.is_empty() => body.as_bytes().to_vec(),
        (_, Some(coded)) => base64::engine::general_purpose::STANDARD.decode(coded).unwrap(),
        _ => Vec::new(),
    };
    if headers.get("content-type").is_none() && !body.is_empty() {
        headers.push("Content-Type", "text/plain; charset=utf-8");
    }
    made(status, headers, Bytes::from(body))
}

fn made(status: u16, headers: Headers, body: Bytes) -> Answer {
    Answer { head: ResponseHead { status, version: Version::Http11, headers }, body }
}
