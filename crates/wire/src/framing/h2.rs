//! Checks on an HTTP/2 request's fields and pseudo-header fields (RFC 9113 §8.2, §8.3).
//!
//! The h2 library frames the stream and resets most of what is malformed before anyone sees it; this looks at what
//! it hands over, so that nothing that means something else in HTTP/1 travels on to an upstream.

use portcullis_model::{Headers, RequestHead};

use crate::defect::{Defect, Defects};
use crate::framing::host::{Authority, default_port};
use crate::framing::line::check_target;
use crate::framing::special::parse_content_length;
use crate::grammar::{is_field_value, is_token};

/// Every defect of an HTTP/2 request's head; `head.target` is `:path`, `head.authority` is `:authority`.
pub fn check(head: &RequestHead) -> Defects {
    let mut defects = Defects::new();
    let mut note = |defect: Defect| {
        if !defects.contains(&defect) {
            defects.push(defect);
        }
    };
    check_fields(&head.headers, &mut note);
    check_content_length(&head.headers, &mut note);
    check_host(head, &mut note);
    check_path(head, &mut note);
    defects
}

fn check_fields(headers: &Headers, note: &mut impl FnMut(Defect)) {
    for field in headers.iter() {
        if !is_token(field.name) || field.name.iter().any(u8::is_ascii_uppercase) {
            note(Defect::H2FieldName);
        }
        let padded = matches!(field.value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']);
        if padded || !is_field_value(field.value) {
            note(Defect::H2FieldValue);
        }
        match field.name {
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
                note(Defect::H2ConnectionField);
            }
            b"te" if !field.value.eq_ignore_ascii_case(b"trailers") => note(Defect::H2ConnectionField),
            b"content_length" | b"transfer_encoding" => note(Defect::DisguisedField),
            b"expect" if !field.value.eq_ignore_ascii_case(b"100-continue") => note(Defect::Expectation),
            _ => {}
        }
    }
}

fn check_content_length(headers: &Headers, note: &mut impl FnMut(Defect)) {
    let mut lengths = headers.all("content-length").map(parse_content_length);
    match (lengths.next(), lengths.next()) {
        (Some(Err(defect)), _) => note(defect),
        (Some(Ok(_)), Some(_)) => note(Defect::RepeatedContentLength),
        _ => {}
    }
}

fn check_host(head: &RequestHead, note: &mut impl FnMut(Defect)) {
    let mut hosts = head.headers.all("host");
    let host = hosts.next();
    if hosts.next().is_some() {
        note(Defect::RepeatedHost);
    }
    let authority = head.authority.as_deref();
    if authority.is_some_and(|authority| authority.contains(&b'@')) {
        note(Defect::TargetUserinfo);
        return;
    }
    match (authority.map(Authority::parse), host.map(Authority::parse)) {
        (None, None) => note(Defect::MissingHost),
        (Some(Err(defect)), _) | (_, Some(Err(defect))) => note(defect),
        (Some(Ok(authority)), Some(Ok(host))) if !authority.same(&host, default_port(head.scheme)) => {
            note(Defect::HostMismatch);
        }
        _ => {}
    }
}

fn check_path(head: &RequestHead, note: &mut impl FnMut(Defect)) {
    let connect = head.method == http::Method::CONNECT;
    match &*head.target {
        // Extended CONNECT (RFC 8441) has a path, a plain one has none.
        [] if connect => return,
        [b'/', ..] => {}
        b"*" if head.method == http::Method::OPTIONS => {}
        authority if connect && head.authority.as_deref() == Some(authority) => return,
        _ => return note(Defect::H2PseudoHeader),
    }
    if let Err(defect) = check_target(&head.target) {
        note(if defect == Defect::RequestLine { Defect::TargetCharacter } else { defect });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;
    use portcullis_model::{Scheme, Version};

    use super::*;

    fn defects(
        target: &'static str,
        authority: Option<&'static str>,
        fields: &[(&'static str, &'static str)],
    ) -> Defects {
        check(&RequestHead {
            method: Method::POST,
            target: Bytes::from_static(target.as_bytes()),
            authority: authority.map(|text| Bytes::from_static(text.as_bytes())),
            version: Version::Http2,
            scheme: Scheme::Https,
            headers: fields.iter().copied().collect(),
        })
    }

    #[test]
    fn an_ordinary_request_has_none() {
        let fields =
            [("accept", "*/*"), ("te", "trailers"), ("content-length", "5"), ("host", "A.example:443")];
        assert!(defects("/a?b", Some("a.example"), &fields).is_empty());
        assert!(defects("/", None, &[("host", "a.example")]).is_empty());
    }

    #[test]
    fn every_oddity_has_its_name() {
        for (field, defect) in [
            (("Accept", "x"), Defect::H2FieldName),
            (("a b", "x"), Defect::H2FieldName),
            ((":path", "/x"), Defect::H2FieldName),
            (("", "x"), Defect::H2FieldName),
            (("a", "x\r\ny: z"), Defect::H2FieldValue),
            (("a", "x\0"), Defect::H2FieldValue),
            (("a", " x"), Defect::H2FieldValue),
            (("transfer-encoding", "chunked"), Defect::H2ConnectionField),
            (("connection", "close"), Defect::H2ConnectionField),
            (("te", "gzip"), Defect::H2ConnectionField),
            (("content-length", "+5"), Defect::ContentLength),
            (("content-length", "5, 5"), Defect::RepeatedContentLength),
            (("content_length", "5"), Defect::DisguisedField),
            (("host", "b.example"), Defect::HostMismatch),
            (("host", "a.example/x"), Defect::MalformedHost),
        ] {
            assert_eq!(defects("/", Some("a.example"), &[field]).as_slice(), [defect], "{field:?}");
        }
        let twice = [("content-length", "5"), ("content-length", "5")];
        assert_eq!(defects("/", Some("a.example"), &twice).as_slice(), [Defect::RepeatedContentLength]);
        let hosts = [("host", "a.example"), ("host", "a.example")];
        assert_eq!(defects("/", Some("a.example"), &hosts).as_slice(), [Defect::RepeatedHost]);
        for (target, authority, defect) in [
            ("", Some("a.example"), Defect::H2PseudoHeader),
            ("x", Some("a.example"), Defect::H2PseudoHeader),
            ("*", Some("a.example"), Defect::H2PseudoHeader),
            ("/#f", Some("a.example"), Defect::TargetFragment),
            ("/a b", Some("a.example"), Defect::TargetCharacter),
            ("/", None, Defect::MissingHost),
            ("/", Some(""), Defect::MalformedHost),
            ("/", Some("u@a.example"), Defect::TargetUserinfo),
        ] {
            assert_eq!(defects(target, authority, &[]).as_slice(), [defect], "{target:?} {authority:?}");
        }
    }
}
