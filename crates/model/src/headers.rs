//! Header fields in the order they came, duplicates and spelling kept.
//!
//! Invariant: fields lie in one text, that of the head they were read from where there is one, so a list of them costs
//! one allocation and no count of references a field.

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// One field line: the name as it was spelled, the value without surrounding white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name as received (names compare without case).
    pub name: &'a [u8],
    /// The value's bytes.
    pub value: &'a [u8],
}

impl Header<'_> {
    /// Whether this field has that name; `name` is given in lower case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// An ordered list of fields; looking one up is a scan, which at the sizes heads have beats hashing.
#[derive(Clone, Default)]
pub struct Headers {
    text: Bytes,
    fields: Vec<Span>,
}

/// Where a field lies in the text. Heads are far smaller than what these numbers reach.
#[derive(Clone, Copy)]
struct Span {
    name: (u32, u32),
    value: (u32, u32),
}

impl Headers {
    /// Fields that will lie in `text`, with room for so many; to be found with [`Self::add`].
    pub fn within(text: Bytes, fields: usize) -> Self {
        Self { text, fields: Vec::with_capacity(fields) }
    }

    /// Adds a field that lies there in the text.
    pub fn add(&mut self, name: Range<usize>, value: Range<usize>) {
        let span = |range: Range<usize>| (range.start as u32, range.end as u32);
        self.fields.push(Span { name: span(name), value: span(value) });
    }

    /// An empty list with room for `fields`.
    pub fn with_capacity(fields: usize) -> Self {
        Self::within(Bytes::new(), fields)
    }

    /// Adds a field at the end, copying it.
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let mut text = BytesMut::from(std::mem::take(&mut self.text));
        let start = text.len();
        text.extend_from_slice(name.as_ref());
        let middle = text.len();
        text.extend_from_slice(value.as_ref());
        self.add(start..middle, middle..text.len());
        self.text = text.freeze();
    }

    /// The value of the first field of that name (lower case).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|field| field.is(name)).map(|field| field.value)
    }

    /// The first field of that name as text, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of that name (lower case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.iter().filter(move |field| field.is(name)).map(|field| field.value)
    }

    /// Every field in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Header<'_>> {
        let at = |(start, end): (u32, u32)| self.text.get(start as usize..end as usize).unwrap_or_default();
        self.fields.iter().map(move |field| Header { name: at(field.name), value: at(field.value) })
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        f.debug_map().entries(self.iter().map(|field| (text(field.name), text(field.value)))).finish()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            headers.push(name, value);
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_spelling_and_duplicates() {
        let headers: Headers = [("Host", "a"), ("Accept", "x"), ("accept", "y")].into_iter().collect();
        assert_eq!(headers.get("accept"), Some(&b"x"[..]));
        assert_eq!(headers.all("accept").collect::<Vec<_>>(), [b"x", b"y"]);
        assert_eq!(
            headers.iter().map(|field| field.name).collect::<Vec<_>>(),
            [&b"Host"[..], b"Accept", b"accept"]
        );
        assert_eq!(headers.text("cookie"), None);
    }
}
