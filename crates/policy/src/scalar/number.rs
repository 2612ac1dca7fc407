//! Numbers: counts, durations (`15m`), sizes (`1MiB`), rates (`100/min`) and shares (`1%`).

use std::fmt;
use std::num::NonZero;
use std::time::Duration;

use portcullis_document::{Node, Problem, Value};

use crate::decode::{Decode, Reading};
use crate::table::{Json, Kind, Scalar};

/// A number of bytes, written `64KiB`, `1MiB`, `10GB`, or plainly in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// From bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
        match units.into_iter().find(|(_, shift)| self.0 != 0 && self.0.trailing_zeros() >= *shift) {
            Some((unit, shift)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// So many per period, written `100/min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many.
    pub count: NonZero<u64>,
    /// In which period; never zero.
    pub per: Duration,
}

/// A share between none and all, written `1%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// From 0.0 (none) to 1.0 (all).
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Decode for bool {
    const KIND: Kind = Kind::Scalar(&Scalar { name: "truth", about: "`true` or `false`", json: Json::Truth });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if let Some(value) = node.as_bool() {
            return Some(value);
        }
        let meant = match node.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("yes" | "on") => "write `true`",
            Some("no" | "off") => "write `false`",
            _ => "",
        };
        reading.wrong_kind(node, "`true` or `false`", meant)
    }
}

/// A whole number between two bounds, both included.
pub(crate) fn whole(node: &Node, least: u64, most: u64, reading: &mut Reading) -> Option<u64> {
    let expected = if most == u64::MAX {
        format!("a whole number, at least {least}")
    } else {
        format!("a whole number from {least} to {most}")
    };
    let number = match node.value {
        Value::Int(number) => u64::try_from(number).ok().filter(|number| (least..=most).contains(number)),
        _ => None,
    };
    number.or_else(|| reading.wrong_kind(node, &expected, ""))
}

macro_rules! whole_numbers {
    ($($ty:ty: $least:expr, $most:expr, $name:literal, $about:literal;)*) => {$(
        impl Decode for $ty {
            const KIND: Kind = Kind::Scalar(&Scalar {
                name: $name,
                about: $about,
                json: Json::Whole($least, $most),
            });

            fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
                whole(node, $least, $most, reading).and_then(|number| Self::try_from(number).ok())
            }
        }
    )*};
}

whole_numbers! {
    u8: 0, 255, "small count", "a whole number up to 255";
    u32: 0, 4_294_967_295, "count", "a whole number";
}

macro_rules! positive_numbers {
    ($($ty:ty: $most:expr;)*) => {$(
        impl Decode for NonZero<$ty> {
            const KIND: Kind = Kind::Scalar(&Scalar {
                name: "positive count",
                about: "a whole number, at least 1",
                json: Json::Whole(1, $most),
            });

            fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
                let number = whole(node, 1, $most, reading)?;
                <$ty>::try_from(number).ok().and_then(Self::new)
            }
        }
    )*};
}

positive_numbers! {
    u16: 65_535;
    u32: 4_294_967_295;
    u64: u64::MAX;
}

const SECOND: u64 = 1_000_000_000;
const UNITS: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("sec", SECOND),
    ("second", SECOND),
    ("m", 60 * SECOND),
    ("min", 60 * SECOND),
    ("minute", 60 * SECOND),
    ("h", 3_600 * SECOND),
    ("hour", 3_600 * SECOND),
    ("d", 86_400 * SECOND),
    ("day", 86_400 * SECOND),
    ("w", 7 * 86_400 * SECOND),
];

/// `1h30m`, `250ms`, `30d`; one or more whole numbers, each with its unit.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (count, after) = leading_number(rest)?;
        let end = after.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(count.checked_mul(*nanos)?)?;
        rest = next.trim_start();
    }
    (!text.trim().is_empty()).then(|| Duration::from_nanos(total))
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, rest.trim_start()))
}

impl Decode for Duration {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "duration",
        about: "whole numbers with units (`ms`, `s`, `m`, `h`, `d`): `250ms`, `15m`, `1h30m`",
        json: Json::Pattern(r"^\s*(\d+\s*(ns|us|ms|s|sec|second|m|min|minute|h|hour|d|day|w)\s*)+$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if let Value::Int(number) = node.value {
            return reading.wrong_kind(
                node,
                "a duration",
                &format!("write the unit: `{number}s`, `{number}m`, …"),
            );
        }
        let found = node.as_str().and_then(parse_duration);
        found.or_else(|| reading.wrong_kind(node, "a duration", "write it like `250ms`, `15m` or `1h30m`"))
    }
}

/// `64KiB` in bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = leading_number(text.trim())?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

impl Decode for ByteSize {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "size",
        about: "bytes with a unit: `64KiB`, `1MiB`, `10GB`",
        json: Json::PatternOrWhole(r"^\s*\d+\s*(B|K|KiB|M|MiB|G|GiB|T|TiB|kB|KB|MB|GB|TB)?\s*$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let text = reading.text(node, "a size")?;
        let found = parse_size(&text).map(Self);
        found.or_else(|| reading.wrong_kind(node, "a size", "write it like `64KiB`, `1MiB` or `10GB`"))
    }
}

fn parse_rate(text: &str) -> Option<Rate> {
    let (count, per) = text.split_once('/')?;
    let count = NonZero::new(count.trim().parse().ok()?)?;
    let per = per.trim();
    let bare = UNITS.iter().find(|(name, _)| *name == per).map(|(_, nanos)| Duration::from_nanos(*nanos));
    let per = bare.or_else(|| parse_duration(per)).filter(|per| !per.is_zero())?;
    Some(Rate { count, per })
}

impl Decode for Rate {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "rate",
        about: "so many per period: `100/min`, `5/s`, `20/15m`",
        json: Json::Pattern(r"^\s*\d+\s*/\s*(\d*\s*(ms|s|sec|second|m|min|minute|h|hour|d|day|w)\s*)+$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let found = node.as_str().and_then(parse_rate);
        let remedy = match &node.value {
            Value::Int(number) => format!("say in which period: `{number}/min`, `{number}/s`, …"),
            _ => "write it like `100/min`, `5/s` or `20/15m`".to_owned(),
        };
        found.or_else(|| reading.wrong_kind(node, "a rate", &remedy))
    }
}

impl Decode for Share {
    const KIND: Kind = Kind::Scalar(&Scalar {
        name: "share",
        about: "a percentage: `100%`, `1%`, `0.1%`",
        json: Json::Pattern(r"^\s*\d+(\.\d+)?\s*%$"),
    });

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        let percent =
            node.as_str().and_then(|text| text.trim().strip_suffix('%')?.trim_end().parse::<f64>().ok());
        let share =
            percent.filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| Self(percent / 100.0));
        share.or_else(|| reading.wrong_kind(node, "a percentage from `0%` to `100%`", ""))
    }
}

/// How many threads carry traffic.
impl Decode for crate::server::Workers {
    const KIND: Kind = Kind::Either(&[
        Kind::Words(&[crate::table::Word { word: "auto", about: &["One a core."] }]),
        <NonZero<u16> as Decode>::KIND,
    ]);

    fn decode(node: &Node, _: Option<&Self>, reading: &mut Reading) -> Option<Self> {
        if node.as_str() == Some("auto") {
            return Some(Self::PerCore);
        }
        if node.as_int().is_none() {
            let expected = "`auto` or a whole number, at least 1";
            let problem = Problem::error("policy.wrong_kind", format!("this must be {expected}"));
            return reading
                .refuse(problem.at(&node.place).label(format!("this is {}", node.value.describe())));
        }
        NonZero::<u16>::decode(node, None, reading).map(Self::Count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [("250ms", 250), ("15m", 900_000), ("1h30m", 5_400_000), ("2 d", 172_800_000)] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "15", "m", "1.5h", "-1s", "99999999999999999999s", "300000000000d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("64KiB", 65_536), ("10 MB", 10_000_000), ("12", 12), ("0B", 0)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "1.5GiB", "1 mib", "99999999TiB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
        assert_eq!(ByteSize(65_536).to_string(), "64KiB");
        assert_eq!(ByteSize(0).to_string(), "0B");
    }

    #[test]
    fn rates() {
        let rate = |text: &str| parse_rate(text).map(|rate| (rate.count.get(), rate.per.as_secs()));
        assert_eq!(rate("100/min"), Some((100, 60)));
        assert_eq!(rate("20 / 15m"), Some((20, 900)));
        assert_eq!(rate("1/d"), Some((1, 86_400)));
        for text in ["100", "0/min", "1/0s", "1/fortnight", "-1/s"] {
            assert_eq!(rate(text), None, "{text}");
        }
    }
}
