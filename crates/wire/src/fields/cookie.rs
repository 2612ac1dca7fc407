//! Cookies as a request carries them (RFC 6265 §4.2), read as leniently as servers read them.

use std::borrow::Cow;

use portcullis_model::Headers;

use crate::grammar::trim;

/// Every cookie of every `Cookie` field, in order: name and value, quotes around the value removed.
pub fn cookies(headers: &Headers) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    headers.all("cookie").flat_map(|field| field.split(|byte| *byte == b';')).filter_map(pair)
}

fn pair(text: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let text = trim(text);
    let (name, value) = match memchr::memchr(b'=', text) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        // A cookie without a name: browsers send the value alone.
        None => (&[][..], text),
    };
    let value = match trim(value) {
        [b'"', inside @ .., b'"'] => inside,
        value => value,
    };
    let filled = !(name.is_empty() && value.is_empty());
    filled.then(|| (String::from_utf8_lossy(trim(name)), String::from_utf8_lossy(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_of_every_field() {
        let headers: Headers =
            [("Cookie", "a=1; b=\"2\" ;c=x=y;; lone"), ("X", "n=0"), ("cookie", "a=3")].into_iter().collect();
        let read: Vec<_> = cookies(&headers).map(|(name, value)| format!("{name}|{value}")).collect();
        assert_eq!(read, ["a|1", "b|2", "c|x=y", "|lone", "a|3"]);
    }
}
