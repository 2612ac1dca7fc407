//! Named lists, compiled: addresses and words, looked up for every exchange that asks.
//!
//! An entry is an address, a prefix (`203.0.113.0/24`), a range (`10.0.0.1-10.0.0.9`) or a word; how files and feeds
//! write them is known to [`Entries`]. Invariant: what looks like an address and is none is a mistake, never a word.

mod feed;
mod ranges;

use std::net::IpAddr;

use hashbrown::HashSet;
use portcullis_expr::Value;
use smol_str::SmolStr;

pub use feed::{BadEntry, Entries};
pub use ranges::{Range, Ranges};

/// One compiled list.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Its name in policy.
    pub name: SmolStr,
    ranges: Ranges,
    words: HashSet<SmolStr, foldhash::fast::RandomState>,
}

impl List {
    /// Compiles networks that policy names and what its files and feeds hold.
    pub fn compile(name: &str, networks: &[ipnet::IpNet], read: impl IntoIterator<Item = Entries>) -> Self {
        let mut ranges: Vec<Range> = networks.iter().copied().map(Range::from).collect();
        let mut words = HashSet::default();
        for entries in read {
            ranges.extend(entries.ranges);
            words.extend(entries.words);
        }
        Self { name: name.into(), ranges: Ranges::compile(ranges), words }
    }

    /// Whether the address is in it.
    pub fn has_address(&self, ip: IpAddr) -> bool {
        self.ranges.contains(ip)
    }

    /// Whether it has this address or word; text that is an address counts as one.
    pub fn has(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Ip(ip) => self.has_address(*ip),
            Value::Str(text) => self.has_text(text),
            Value::Strings(texts) => texts.iter().any(|text| self.has_text(text)),
            Value::Many(texts) => texts.iter().any(|text| self.has_text(text)),
            _ => false,
        }
    }

    fn has_text(&self, text: &str) -> bool {
        (!self.words.is_empty() && self.words.contains(text))
            || (!self.ranges.is_empty() && text.parse().is_ok_and(|ip| self.has_address(ip)))
    }

    /// How many distinct ranges and words it holds.
    pub fn len(&self) -> usize {
        self.ranges.len() + self.words.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Digits with dots or slashes, or hexadecimal with colons, and nothing else.
fn looks_like_an_address(entry: &str) -> bool {
    let all = |extra: &[u8], digit: fn(&u8) -> bool| {
        entry.bytes().all(|byte| digit(&byte) || extra.contains(&byte))
            && entry.bytes().any(|byte| extra.contains(&byte))
    };
    let has = |byte: u8| entry.as_bytes().contains(&byte);
    ((has(b'.') || has(b'/')) && all(b"./- ", u8::is_ascii_digit))
        || (entry.bytes().filter(|byte| *byte == b':').count() > 1 && all(b":./- ", u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, value: &Value<'_>) -> bool {
        let entries = feed::tests::read("file: x", text).expect("a list");
        List::compile("test", &[], [entries]).has(value)
    }

    #[test]
    fn addresses_prefixes_ranges_and_words_are_told_apart() {
        let text = "# partners\n203.0.113.0/24\n10.0.0.1-10.0.0.9 # lab\n2001:db8::/32\n\nacme\n";
        for ip in ["203.0.113.200", "10.0.0.1", "10.0.0.9", "2001:db8:1::1", "::ffff:10.0.0.5"] {
            assert!(check(text, &Value::Ip(ip.parse().unwrap())), "{ip}");
            assert!(check(text, &Value::text(ip)), "{ip}");
        }
        for ip in ["203.0.114.0", "10.0.0.10", "2001:db9::1", "::1"] {
            assert!(!check(text, &Value::Ip(ip.parse().unwrap())), "{ip}");
        }
        assert!(check(text, &Value::text("acme")));
        assert!(!check(text, &Value::text("ACME")) && !check(text, &Value::Null));
    }

    #[test]
    fn a_mistyped_address_is_a_mistake() {
        let bad = feed::tests::read("file: x", "10.0.0.1\n10.0.0.300\n2001:db8:::1\n10.0.0.9-10.0.0.1\n");
        let lines: Vec<_> = bad.unwrap_err().into_iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [Some(2), Some(3), Some(4)]);
    }
}
