//! The site that tests are run against: it answers as the request asks it to.

use base64::Engine;
use portcullis_document::{Node, SourceFile, parse};

/// An answer of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reflected {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What the site answers: 200 and nothing, but to `POST /reflect` what the JSON document in the body says under
/// `status`, `headers` and `body` or `encodedBody`.
pub fn reflect(method: &str, path: &str, body: &[u8]) -> Reflected {
    let nothing = Reflected { status: 200, headers: Vec::new(), body: Vec::new() };
    if method != "POST" || !path.starts_with("/reflect") {
        return nothing;
    }
    let text = String::from_utf8_lossy(body);
    let Ok(wish) = parse(&SourceFile::new("reflect.json", text.as_ref())) else {
        return Reflected { status: 400, ..nothing };
    };
    let value = |name: &str| wish.entry(name).map(|entry| &entry.value);
    let status = value("status").and_then(Node::as_int).and_then(|status| u16::try_from(status).ok());
    let headers = value("headers").and_then(Node::entries).unwrap_or_default();
    let named = headers.iter().map(|entry| Some((entry.key.text.clone(), entry.value.as_str()?.to_owned())));
    let mut headers: Vec<(String, String)> = named.flatten().collect();
    let plain = value("body").and_then(Node::as_str).map(|text| text.as_bytes().to_vec());
    let encoded = value("encodedBody").and_then(Node::as_str);
    let encoded = encoded.and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    let body = encoded.filter(|bytes| !bytes.is_empty()).or(plain).unwrap_or_default();
    // As the suite's own site does: what says nothing of itself is text.
    if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned()));
    }
    Reflected { status: status.unwrap_or(200), headers, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_answers_as_it_is_asked_to() {
        let asked = br#"{"status": 500, "headers": {"Content-Type": "text/html"}, "body": "oops"}"#;
        let answer = reflect("POST", "/reflect", asked);
        assert_eq!((answer.status, answer.body.as_slice()), (500, &b"oops"[..]));
        assert_eq!(answer.headers, [("Content-Type".to_owned(), "text/html".to_owned())]);
        let coded = reflect("POST", "/reflect", br#"{"encodedBody": "AAE="}"#);
        assert_eq!((coded.body.as_slice(), coded.headers.len()), (&[0, 1][..], 1));
        assert_eq!(reflect("GET", "/reflect", asked).status, 200);
        assert_eq!(reflect("POST", "/reflect", b"{").status, 400);
    }
}
