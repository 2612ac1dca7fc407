//! The bytes of a test's request, as go-ftw sends them.

use super::{Autocomplete, Input};

const FORM: &str = "application/x-www-form-urlencoded";

impl Input {
    /// What goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        if let Some(encoded) = &self.encoded {
            return encoded.clone();
        }
        let mut headers = self.headers.clone();
        let mut body = self.data.clone().unwrap_or_default();
        let autocomplete = self.autocomplete == Autocomplete::Fields;
        if autocomplete && !body.is_empty() && value(&headers, "Content-Type").is_none() {
            headers.push(("Content-Type".to_owned(), FORM.to_owned()));
            body = as_form(body);
        }
        if value(&headers, "Content-Type").is_some_and(|kind| kind.starts_with("multipart/form-data;")) {
            body = with_crlf(&body);
        }
        if autocomplete {
            self.complete(&mut headers, body.len());
        }
        let mut out = format!("{} {} {}\r\n", self.method, self.uri, self.version).into_bytes();
        for (name, value) in &headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&body);
        out
    }

    fn complete(&self, headers: &mut Vec<(String, String)>, length: usize) {
        let mut add = |name: &str, new: String| {
            if value(headers, name).is_none() {
                headers.push((name.to_owned(), new));
            }
        };
        add("Connection", "close".to_owned());
        if length > 0 || ["POST", "PUT", "PATCH", "DELETE"].contains(&self.method.as_str()) {
            add("Content-Length", length.to_string());
        }
    }
}

fn value<'a>(headers: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
}

fn with_crlf(body: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

/// The body with its names and values escaped, unless something in it is escaped already.
fn as_form(body: Vec<u8>) -> Vec<u8> {
    if body.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return body;
    }
    let pair = |pair: &[u8]| match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => {
            let (name, value) = pair.split_at(at);
            [escape(name), escape(value.get(1..).unwrap_or_default())].join(&b'=')
        }
        None => escape(pair),
    };
    let pairs: Vec<Vec<u8>> = body.split(|byte| *byte == b'&').map(pair).collect();
    pairs.join(&b'&')
}

/// A name or value of a form.
fn escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => out.push(b'+'),
            b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            byte if byte.is_ascii_alphanumeric() => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(method: &str, headers: &[(&str, &str)], data: Option<&str>) -> Input {
        Input {
            method: method.to_owned(),
            uri: "/a".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            data: data.map(|text| text.as_bytes().to_vec()),
            encoded: None,
            autocomplete: Autocomplete::Fields,
        }
    }

    fn check(input: &Input, expected: &str) {
        assert_eq!(String::from_utf8(input.bytes()).unwrap(), expected);
    }

    #[test]
    fn missing_fields_are_added() {
        check(
            &input("GET", &[("Host", "a")], None),
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        );
        check(
            &input("POST", &[], None),
            "POST /a HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        );
        check(
            &input("GET", &[], Some("a=b c&<=")),
            "GET /a HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\
             Content-Length: 10\r\n\r\na=b+c&%3C=",
        );
    }

    #[test]
    fn what_is_escaped_or_typed_is_sent_as_written() {
        check(
            &input("GET", &[("content-type", "text/plain"), ("content-length", "1")], Some("a b")),
            "GET /a HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length: 1\r\nConnection: close\r\n\r\na b",
        );
        assert_eq!(as_form(b"a=%20b c".to_vec()), b"a=%20b c");
    }

    #[test]
    fn lines_of_multipart_bodies_end_as_they_must() {
        let mut multipart =
            input("POST", &[("Content-Type", "multipart/form-data; boundary=x")], Some("a\nb\n"));
        multipart.autocomplete = Autocomplete::Nothing;
        check(
            &multipart,
            "POST /a HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\na\r\nb\r\n",
        );
    }

    #[test]
    fn a_whole_request_is_sent_as_it_is() {
        let mut whole = input("POST", &[("A", "b")], Some("c"));
        whole.encoded = Some(b"\tGET".to_vec());
        check(&whole, "\tGET");
    }
}
