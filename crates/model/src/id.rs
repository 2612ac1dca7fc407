//! Identifiers: of an event (time-ordered, random) and of an operation (stable across renames).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::time::Timestamp;

/// Crockford's base 32, as ULIDs use it.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The id of one exchange and of its event: a ULID (48 bits of milliseconds, 80 random bits).
///
/// It is shown to the client in refusals and sorts by time; it carries nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    // Two halves, so that what holds an id need not be aligned to sixteen bytes, which allocators are slow at.
    upper: u64,
    lower: u64,
}

impl EventId {
    /// Made from the time and 80 bits of the host's randomness.
    pub fn new(at: Timestamp, random: u128) -> Self {
        let millis = u128::try_from(at.as_micros() / 1000).unwrap_or(0) & ((1 << 48) - 1);
        Self::from_u128((millis << 80) | (random & ((1 << 80) - 1)))
    }

    /// The 128 bits.
    pub const fn as_u128(self) -> u128 {
        (self.upper as u128) << 64 | self.lower as u128
    }

    /// From 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self { upper: (bits >> 64) as u64, lower: bits as u64 }
    }

    /// When it was made, to the millisecond.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_micros(i64::try_from(self.as_u128() >> 80).unwrap_or(0) * 1000)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; 26];
        // In parts of sixty bits, twelve digits each: numbers of 128 bits are slow to shift.
        for (place, digits) in text.rchunks_mut(12).enumerate() {
            let mut rest = (self.as_u128() >> (60 * place)) as u64 & ((1 << 60) - 1);
            for digit in digits.iter_mut().rev() {
                *digit = *ALPHABET.get((rest & 31) as usize).unwrap_or(&b'0');
                rest >>= 5;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a ULID.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an event id (26 characters of 0-9 A-Z without I, L, O, U)")]
pub struct NotAnEventId(String);

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || NotAnEventId(text.chars().take(40).collect());
        if text.len() != 26 {
            return Err(refuse());
        }
        let mut bits: u128 = 0;
        for (place, byte) in text.bytes().enumerate() {
            let digit = ALPHABET
                .iter()
                .position(|known| *known == byte.to_ascii_uppercase())
                .filter(|digit| place > 0 || *digit < 8)
                .ok_or_else(refuse)?;
            bits = (bits << 5) | digit as u128;
        }
        Ok(Self::from_u128(bits))
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for EventId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EventId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$", "description": "A ULID" })
    }
}

/// The stable id of an operation: 16 hexadecimal digits, made from site, method and path template when the
/// operation is first declared or learned, and kept when it is renamed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct OperationId(SmolStr);

impl OperationId {
    /// From its text form.
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self(text.into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_print_parse_and_sort_by_time() {
        let early = EventId::new(Timestamp::from_secs(1_700_000_000), u128::MAX);
        let late = EventId::new(Timestamp::from_secs(1_700_000_001), 0);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<EventId>().ok(), Some(early));
        assert_eq!(early.timestamp(), Timestamp::from_secs(1_700_000_000));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "01HF",
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "01HF7YAT00UUUUUUUUUUUUUUUU",
            "é1HF7YAT00AAAAAAAAAAAAAAAA",
        ] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}
