//! The fields of one request that goes to an upstream, as a list in order: one table for every protocol.
//!
//! Invariants: names compare without case; what came keeps its place and its bytes; a field that has to stand alone
//! does. It does not know which fields go on, nor how HTTP/1 writes them.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

/// Fields in the order they are sent. What was received is borrowed, so that most of it is copied once: to the wire.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(SmallVec<[Field<'a>; 24]>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    /// Its name, as received or in lower case.
    pub(crate) name: &'a [u8],
    /// Its value.
    pub(crate) value: Cow<'a, [u8]>,
}

impl Field<'_> {
    /// Whether it has that name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl<'a> Fields<'a> {
    /// Keeps a field that was received.
    pub(super) fn keep(&mut self, name: &'a [u8], value: &'a [u8]) {
        self.0.push(Field { name, value: Cow::Borrowed(value) });
    }

    /// Keeps a field that was received, or some of its value.
    pub(super) fn keep_part(&mut self, name: &'a [u8], value: Cow<'a, [u8]>) {
        self.0.push(Field { name, value });
    }

    /// Adds one of our own at the end.
    pub(super) fn add(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        let value = match value.into() {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        self.0.push(Field { name: name.as_bytes(), value });
    }

    /// The same, unless there is one.
    pub(super) fn add_if_absent(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        if !self.0.iter().any(|field| field.is(name)) {
            self.add(name, value);
        }
    }

    /// Makes this the only field of that name.
    pub(super) fn set(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        self.remove(name);
        self.add(name, value);
    }

    /// Takes every field of that name out.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|field| !field.is(name));
    }

    /// Adds a member to a list field, keeping it one line so that no reader takes only the first.
    pub(super) fn join(&mut self, name: &'a str, member: &str) {
        let mut line = self.values(name, b", ");
        line.extend_from_slice(member.as_bytes());
        self.remove(name);
        self.0.push(Field { name: name.as_bytes(), value: Cow::Owned(line) });
    }

    /// Makes one field of the crumbs HTTP/2 clients send cookies in, as HTTP/1 servers look at one only (RFC 9113 §8.2.3).
    pub(super) fn join_cookies(&mut self) {
        if self.0.iter().filter(|field| field.is("cookie")).nth(1).is_some() {
            let mut whole = self.values("cookie", b"; ");
            whole.truncate(whole.len() - 2);
            self.remove("cookie");
            self.0.push(Field { name: b"cookie", value: Cow::Owned(whole) });
        }
    }

    /// Every value of that name, each with `behind` behind it.
    fn values(&self, name: &str, behind: &[u8]) -> Vec<u8> {
        let mut line = Vec::new();
        for field in self.0.iter().filter(|field| field.is(name)) {
            line.extend_from_slice(&field.value);
            line.extend_from_slice(behind);
        }
        line
    }

    /// Every field in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Field<'a>> {
        self.0.iter()
    }

    /// As HTTP/2 takes them.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.0.len());
        for field in &self.0 {
            field.add_to(&mut map);
        }
        map
    }
}

impl Field<'_> {
    /// Adds it to a table; what cannot be a field is left out.
    pub(super) fn add_to(&self, map: &mut HeaderMap) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(self.name), HeaderValue::from_bytes(&self.value))
        {
            map.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Fields<'_>), expected: &[&str]) {
        let mut fields = Fields::default();
        for (name, value) in [("Cookie", "a=1"), ("X-List", "1"), ("cookie", "b=2"), ("x-list", "2")] {
            fields.keep(name.as_bytes(), value.as_bytes());
        }
        change(&mut fields);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let shown: Vec<_> =
            fields.iter().map(|field| format!("{}: {}", text(field.name), text(&field.value))).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn fields_that_stand_alone_do() {
        let rest = ["Cookie: a=1", "cookie: b=2"];
        check(|fields| fields.join("x-list", "3"), &[rest[0], rest[1], "x-list: 1, 2, 3"]);
        check(|fields| fields.set("X-List", "3"), &[rest[0], rest[1], "X-List: 3"]);
        check(|fields| fields.remove("x-list"), &rest);
        check(
            |fields| {
                fields.remove("via");
                fields.join_cookies();
            },
            &["X-List: 1", "x-list: 2", "cookie: a=1; b=2"],
        );
        check(
            |fields| {
                fields.add_if_absent("cookie", "c=3");
                fields.add_if_absent("via", "us");
            },
            &["Cookie: a=1", "X-List: 1", "cookie: b=2", "x-list: 2", "via: us"],
        );
    }
}
