//! A query as it was sent, and its pairs decoded when asked for (the URL Standard's `x-www-form-urlencoded`).

use std::borrow::Cow;

use crate::urlencoded;

/// A query string: forwarded as it is, read as name-value pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Over the text behind the question mark.
    pub const fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The text behind the question mark.
    pub const fn raw(&self) -> &'a str {
        self.0
    }

    /// Every pair in order, decoded; bytes that are not UTF-8 become U+FFFD.
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        self.raw_pairs().map(|(name, value)| (decode(name), decode(value)))
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.all(name).next()
    }

    /// Every value of a name, in order.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = Cow<'a, str>> + use<'a, 'n> {
        self.raw_pairs()
            .filter(move |(raw, _)| *raw == name || decode(raw) == name)
            .map(|(_, value)| decode(value))
    }

    fn raw_pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.0
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

/// Undoes form encoding: `+` is a space, a stray percent sign stands for itself.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    match urlencoded::decode(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(decoded) => Cow::Owned(
            String::from_utf8(decoded)
                .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let query = Query::new("a=1&b=x+y%21&&c&a=%zz&%61=3&d=%e9&=v&e==");
        let pairs: Vec<_> = query.pairs().map(|(name, value)| format!("{name}|{value}")).collect();
        assert_eq!(pairs, ["a|1", "b|x y!", "c|", "a|%zz", "a|3", "d|\u{fffd}", "|v", "e|="]);
        assert_eq!(query.get("b").as_deref(), Some("x y!"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "%zz", "3"]);
        assert_eq!(query.get("z"), None);
    }
}
