//! Header fields in the order they came, duplicates and spelling kept.

use bytes::Bytes;

/// One field line: the name as it was spelled, the value without surrounding white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name as received (names compare without case).
    pub name: Bytes,
    /// The value's bytes.
    pub value: Bytes,
}

impl Header {
    /// Whether this field has that name; `name` is given in lower case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// An ordered list of fields; looking one up is a scan, which at the sizes heads have beats hashing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    fields: Vec<Header>,
}

impl Headers {
    /// An empty list with room for `fields`.
    pub fn with_capacity(fields: usize) -> Self {
        Self { fields: Vec::with_capacity(fields) }
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.fields.push(Header { name: name.into(), value: value.into() });
    }

    /// The value of the first field of that name (lower case).
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|field| field.is(name)).map(|field| &*field.value)
    }

    /// The first field of that name as text, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of that name (lower case), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.fields.iter().filter(move |field| field.is(name)).map(|field| &*field.value)
    }

    /// Every field in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Header> {
        self.fields.iter()
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

impl<N: Into<Bytes>, V: Into<Bytes>> FromIterator<(N, V)> for Headers {
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
            headers.iter().map(|field| &field.name[..]).collect::<Vec<_>>(),
            [&b"Host"[..], b"Accept", b"accept"]
        );
        assert_eq!(headers.text("cookie"), None);
    }
}
