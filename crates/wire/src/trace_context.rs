//! W3C Trace Context: `traceparent` and `tracestate`, read strictly (<https://www.w3.org/TR/trace-context/>).
//!
//! Invariants: what is not exactly as the format says counts as not sent, as it asks for; a broken `tracestate` takes
//! nothing but itself away. Deliberately absent: whether whoever sent it is believed.

use portcullis_model::Headers;
use portcullis_model::trace::{SpanId, TraceId};

/// The most members of a `tracestate`, and the most bytes of one that is passed on.
const MEMBERS: usize = 32;
const STATE: usize = 512;

/// Where a trace comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The span of whoever asked.
    pub span: SpanId,
    /// Whether whoever asked looks at this trace.
    pub sampled: bool,
    /// What vendors passed along, one line; empty if nothing that can be read.
    pub state: String,
}

/// Reads where a request's trace comes from.
pub fn parse(headers: &Headers) -> Option<TraceParent> {
    let mut lines = headers.all("traceparent");
    let line = lines.next().filter(|_| lines.next().is_none())?;
    let (trace, span, sampled) = parent(std::str::from_utf8(line).ok()?)?;
    Some(TraceParent { trace, span, sampled, state: state(headers).unwrap_or_default() })
}

fn parent(line: &str) -> Option<(TraceId, SpanId, bool)> {
    let mut parts = line.splitn(5, '-');
    let mut next = || parts.next();
    let (version, trace, span, flags) = (next()?, next()?, next()?, next()?);
    let (version, flags) = (byte(version)?, byte(flags)?);
    // A later version may say more, behind another dash; the first one has nothing there.
    if version == 0xFF || (version == 0 && parts.next().is_some()) {
        return None;
    }
    Some((TraceId::parse(trace)?, SpanId::parse(span)?, flags & 1 == 1))
}

/// Two hexadecimal digits in lower case.
fn byte(text: &str) -> Option<u8> {
    let is_hex = text.len() == 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// Every `tracestate` as one line, unless any of it is malformed or it is too long.
fn state(headers: &Headers) -> Option<String> {
    let (mut line, mut keys) = (String::new(), Vec::new());
    for value in headers.all("tracestate") {
        for member in std::str::from_utf8(value).ok()?.split(',') {
            let member = member.trim_matches([' ', '\t']);
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) || keys.contains(&key) || keys.len() == MEMBERS {
                return None;
            }
            keys.push(key);
            if !line.is_empty() {
                line.push(',');
            }
            line.push_str(member);
        }
    }
    (line.len() <= STATE).then_some(line)
}

/// `vendor` or `tenant@vendor`.
fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let is_name =
        |name: &str, most: usize| !name.is_empty() && name.len() <= most && name.bytes().all(allowed);
    match key.split_once('@') {
        None => is_name(key, 256) && key.starts_with(|first: char| first.is_ascii_lowercase()),
        Some((tenant, system)) => {
            is_name(tenant, 241)
                && tenant.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
                && is_name(system, 14)
                && system.starts_with(|first: char| first.is_ascii_lowercase())
        }
    }
}

/// Printable ASCII without `,` and `=`, not ending in a blank.
fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 256
        && value.bytes().all(|byte| matches!(byte, 0x20..=0x7E) && byte != b',' && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn read(fields: &[(&str, &str)]) -> Option<TraceParent> {
        let mut map = http::HeaderMap::new();
        for (name, value) in fields {
            map.append(
                http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                http::HeaderValue::from_str(value).unwrap(),
            );
        }
        parse(&map.iter().collect())
    }

    #[test]
    fn a_parent_is_read_strictly() {
        let good = format!("00-{TRACE}-{SPAN}-01");
        let parent = read(&[("traceparent", &good)]).unwrap();
        assert_eq!(
            (parent.trace.to_string(), parent.span.to_string(), parent.sampled),
            (TRACE.into(), SPAN.into(), true)
        );
        assert!(!read(&[("traceparent", &format!("00-{TRACE}-{SPAN}-00"))]).unwrap().sampled);
        // Another flag than the one we know, and a later version that says more.
        assert!(read(&[("traceparent", &format!("00-{TRACE}-{SPAN}-03"))]).unwrap().sampled);
        assert!(read(&[("traceparent", &format!("cc-{TRACE}-{SPAN}-01-more-of-it"))]).is_some());
        let zeroes = "0".repeat(32);
        for wrong in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeroes}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}1-{SPAN}-01"),
            format!("00_{TRACE}_{SPAN}_01"),
        ] {
            assert_eq!(read(&[("traceparent", &wrong)]), None, "{wrong}");
        }
        assert_eq!(read(&[("traceparent", &good), ("traceparent", &good)]), None, "which of the two?");
    }

    #[test]
    fn a_state_is_one_line_or_none() {
        let parent = format!("00-{TRACE}-{SPAN}-01");
        let long = format!("a={}", "x".repeat(256));
        let many: Vec<String> = (0..33).map(|n| format!("k{n}=1")).collect();
        for (states, expected) in [
            (vec![], ""),
            (vec!["a=1"], "a=1"),
            (
                vec!["rojo=00f067aa0ba902b7 , t1@congo=t61", "b=x y"],
                "rojo=00f067aa0ba902b7,t1@congo=t61,b=x y",
            ),
            (vec!["a=1,,b=2"], "a=1,b=2"),
            (vec!["a=1", "a=2"], ""),
            (vec!["A=1"], ""),
            (vec!["1a=1"], ""),
            (vec!["a=1=2"], ""),
            (vec!["a"], ""),
            (vec!["a@=1"], ""),
            (vec![&many.join(",")], ""),
            (vec![&long, &long.replace('a', "b")], ""),
        ] {
            let mut fields = vec![("traceparent", parent.as_str())];
            fields.extend(states.iter().map(|state| ("tracestate", *state)));
            assert_eq!(read(&fields).unwrap().state, expected, "{states:?}");
        }
        assert_eq!(read(&[("tracestate", "a=1")]), None, "it means nothing alone");
    }
}
