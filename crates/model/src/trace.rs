//! Distributed traces: the ids that W3C Trace Context passes along, and an exchange's part in a trace.
//!
//! Invariant: no id here is zero, which the format reserves for none.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A trace's id: 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(NonZeroU128);

/// A span's id: 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(NonZeroU64);

/// An exchange's part in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TraceRecord {
    /// The trace; one that began here has the exchange's id.
    pub id: TraceId,
    /// The exchange's span.
    pub span: SpanId,
    /// The span it goes on from, where whoever asked was believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SpanId>,
    /// Whether the trace is one of those that are looked at.
    pub sampled: bool,
    /// The trace and span of whoever asked, where it was not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<(TraceId, SpanId)>,
}

impl TraceId {
    /// From its 128 bits.
    pub fn new(bits: u128) -> Option<Self> {
        NonZeroU128::new(bits).map(Self)
    }

    /// Its 128 bits.
    pub const fn as_u128(self) -> u128 {
        self.0.get()
    }

    /// Reads 32 hexadecimal digits in lower case that are not all zero.
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, 32).then(|| u128::from_str_radix(text, 16).ok()).flatten().and_then(Self::new)
    }
}

impl SpanId {
    /// From its 64 bits.
    pub fn new(bits: u64) -> Option<Self> {
        NonZeroU64::new(bits).map(Self)
    }

    /// Its 64 bits.
    pub const fn as_u64(self) -> u64 {
        self.0.get()
    }

    /// Reads 16 hexadecimal digits in lower case that are not all zero.
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, 16).then(|| u64::from_str_radix(text, 16).ok()).flatten().and_then(Self::new)
    }

    /// The id of the `n`th span below this one: always the same, and as random as this one is.
    pub fn child(self, n: u64) -> Self {
        // The steps of a splitmix generator: a bijection, so children of one span differ.
        let mut bits = self.as_u64().wrapping_add((n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self::new(bits ^ (bits >> 31)).unwrap_or(self)
    }
}

impl TraceRecord {
    /// The id of the span in which a server is asked: what servers go on from.
    pub fn asking(&self) -> SpanId {
        self.span.child(0)
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.as_u128())
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.as_u64())
    }
}

/// What both ids need alike.
macro_rules! as_text {
    ($name:ident, $shown:literal) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the id of a trace or span"))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $shown })
            }
        }
    };
}

as_text!(TraceId, "^[0-9a-f]{32}$");
as_text!(SpanId, "^[0-9a-f]{16}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_strictly_and_written_alike() {
        let text = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(TraceId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        assert_eq!(
            SpanId::parse("00f067aa0ba902b7").map(|id| id.to_string()).as_deref(),
            Some("00f067aa0ba902b7")
        );
        for wrong in
            ["", "0AF7651916CD43DD8448EB211C80319C", "+af7651916cd43dd8448eb211c80319c", &"0".repeat(32)]
        {
            assert_eq!(TraceId::parse(wrong), None, "{wrong}");
        }
        assert_eq!(SpanId::parse(&"0".repeat(16)), None);
    }

    #[test]
    fn children_of_a_span_differ() {
        let span = SpanId::new(7).unwrap();
        let children: std::collections::BTreeSet<u64> = (0..100).map(|n| span.child(n).as_u64()).collect();
        assert_eq!(children.len(), 100);
        assert!(!children.contains(&span.as_u64()));
    }
}
