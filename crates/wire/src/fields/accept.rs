//! What a client accepts: media types and content codings with their weights (RFC 9110 §12.4.2, §12.5).

use std::fmt::Write as _;

use portcullis_model::Headers;

use crate::content::Coding;
use crate::grammar::{list, trim};

/// The index of the offered media type that the `Accept` fields weigh highest; the first of equals, the first of all
/// if there is no such field, `None` if none is acceptable.
pub fn preferred(headers: &Headers, offers: &[&str]) -> Option<usize> {
    if headers.get("accept").is_none() {
        return (!offers.is_empty()).then_some(0);
    }
    let mut best: Option<(usize, u16)> = None;
    for (index, offer) in offers.iter().enumerate() {
        let weight = media_weight(headers, offer);
        if weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((index, weight));
        }
    }
    best.map(|(index, _)| index)
}

/// The weight of one media type: that of the most specific range that covers it.
fn media_weight(headers: &Headers, offer: &str) -> u16 {
    let offer_type = offer.split('/').next().unwrap_or_default();
    let mut weight = 0;
    let mut closest = 0;
    for element in headers.all("accept").flat_map(list) {
        let (range, element_weight) = weighted(element);
        let closeness = if range.eq_ignore_ascii_case(offer.as_bytes()) {
            3
        } else if matches!(range.split_last_chunk::<2>(), Some((kind, b"/*")) if kind.eq_ignore_ascii_case(offer_type.as_bytes()))
        {
            2
        } else {
            u8::from(range == b"*/*")
        };
        if closeness > closest {
            (closest, weight) = (closeness, element_weight);
        }
    }
    weight
}

/// The element without its parameters, and its weight in thousandths; 1000 if none is given or it is malformed.
fn weighted(element: &[u8]) -> (&[u8], u16) {
    let mut parts = element.split(|byte| *byte == b';').map(trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| match part {
        [b'q' | b'Q', b'=', weight @ ..] => parse_weight(weight),
        _ => None,
    });
    (name, weight.unwrap_or(1000))
}

fn parse_weight(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole] => (whole, &[][..]),
        [whole, b'.', fraction @ ..] => (whole, fraction),
        _ => return None,
    };
    if !matches!(whole, b'0' | b'1') || fraction.len() > 3 || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |place: usize| fraction.get(place).map_or(0, |byte| u16::from(byte - b'0'));
    Some((u16::from(whole - b'0') * 1000 + digit(0) * 100 + digit(1) * 10 + digit(2)).min(1000))
}

/// The codings among those known here that the client accepts, in the order of its field; `*` is not expanded.
pub fn accepted_codings(headers: &Headers) -> impl Iterator<Item = Coding> {
    headers.all("accept-encoding").flat_map(list).filter_map(|element| {
        let (name, weight) = weighted(element);
        Coding::parse(name).filter(|_| weight > 0)
    })
}

/// The `Accept-Encoding` to send on when the answer must be readable here: the client's own, without what cannot be
/// undone; `identity` if nothing else is left.
pub fn restrict_codings(headers: &Headers) -> String {
    let mut value = String::new();
    for element in headers.all("accept-encoding").flat_map(list) {
        let (name, weight) = weighted(element);
        let Some(coding) = Coding::parse(name).filter(|_| weight > 0) else { continue };
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(coding.as_str());
        if weight < 1000 {
            // Writing to a string cannot fail.
            let _ = write!(value, ";q=0.{weight:03}");
        }
    }
    if value.is_empty() {
        value.push_str(Coding::Identity.as_str());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefer(accept: &str) -> Option<usize> {
        let headers: Headers = [("Accept", accept)]
            .map(|(n, v)| (n, bytes::Bytes::copy_from_slice(v.as_bytes())))
            .into_iter()
            .collect();
        preferred(&headers, &["application/problem+json", "text/html"])
    }

    #[test]
    fn the_weightiest_offer_wins() {
        assert_eq!(prefer("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Some(1));
        assert_eq!(prefer("*/*"), Some(0));
        assert_eq!(prefer("application/json, text/html;q=0.5"), Some(1));
        assert_eq!(prefer("text/html;q=0, */*"), Some(0));
        assert_eq!(prefer("TEXT/*;q=0.2, application/*;q=0.1"), Some(1));
        assert_eq!(prefer("image/png"), None);
        assert_eq!(preferred(&Headers::default(), &["a/b"]), Some(0));
    }

    #[test]
    fn codings_are_restricted_to_what_can_be_undone() {
        for (given, sent) in [
            ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
            ("compress, GZIP;q=0.5, dcb", "gzip;q=0.500"),
            ("sdch, *", "identity"),
            ("br;q=0, gzip;q=1.0", "gzip"),
            ("", "identity"),
        ] {
            let headers: Headers =
                [("accept-encoding", bytes::Bytes::copy_from_slice(given.as_bytes()))].into_iter().collect();
            assert_eq!(restrict_codings(&headers), sent, "{given:?}");
        }
    }
}
