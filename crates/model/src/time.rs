//! Time as values: the wall clock for people and windows, a monotonic tick for durations.
//!
//! Nothing here reads a clock; the host does and passes a [`Moment`] in.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point on the wall clock, microseconds since 1970-01-01T00:00:00Z. Serialised as RFC 3339 with microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The start of the minute this lies in.
    pub const fn minute(self) -> Self {
        Self(self.0 - self.0.rem_euclid(60_000_000))
    }

    /// Later by `by`; saturates.
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Earlier by `by`; saturates.
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Parses a date as HTTP fields have it (RFC 9110 §5.6.7, `Sun, 06 Nov 1994 08:49:37 GMT`).
    pub fn parse_http(text: &str) -> Option<Self> {
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        parser.parse_timestamp(text).ok().map(|at| Self(at.as_microsecond()))
    }

    /// As the common log format has it, in UTC: `23/Nov/2026:17:05:59 +0000`. Empty past the year 9999.
    pub fn common_log(self) -> String {
        let at = jiff::Timestamp::from_second(self.as_secs());
        at.map(|at| at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()).unwrap_or_default()
    }

    /// Parses RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_microsecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = rfc3339(*self) {
            return f.write_str(std::str::from_utf8(&text).unwrap_or_default());
        }
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// `2026-11-22T18:07:04.123456Z`, of a time after 1970 and before the year 10000. By hand, as every event has one and
/// formatting it costs twenty times as much.
fn rfc3339(at: Timestamp) -> Option<[u8; 27]> {
    const DAYS_TO_1970: u64 = 719_468;
    let micros = u64::try_from(at.0).ok()?;
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the leap day is the last one; 146 097 days are 400 years.
    let days = days + DAYS_TO_1970;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let parts = [
        (year, 0..4),
        (month, 5..7),
        (day, 8..10),
        (second / 3600, 11..13),
        (second / 60 % 60, 14..16),
        (second % 60, 17..19),
        (fraction, 20..26),
    ];
    for (number, place) in parts {
        let mut rest = number;
        for digit in text.get_mut(place)?.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    (year < 10_000).then_some(text)
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A reading of a monotonic clock in nanoseconds; only differences mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Tick(pub u64);

impl Tick {
    /// Time from `earlier` to this; zero if the order is the other way round.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks read at once: the one argument through which time enters the pure ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moment {
    /// The wall clock.
    pub wall: Timestamp,
    /// The monotonic clock.
    pub tick: Tick,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read() {
        let at = Timestamp::parse("1994-11-06T08:49:37Z");
        assert_eq!(Timestamp::parse_http("Sun, 06 Nov 1994 08:49:37 GMT"), at);
        assert_eq!(Timestamp::parse_http("@1688169599"), None);
    }

    #[test]
    fn prints_and_parses_rfc3339() {
        let at = Timestamp::from_micros(1_700_000_000_123_456);
        assert_eq!(at.to_string(), "2023-11-14T22:13:20.123456Z");
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(at.minute().to_string(), "2023-11-14T22:13:00.000000Z");
    }

    #[test]
    fn differences_never_go_negative() {
        let early = Timestamp::from_secs(10);
        assert_eq!(early.since(Timestamp::from_secs(20)), Duration::ZERO);
        assert_eq!(Tick(5).since(Tick(9)), Duration::ZERO);
    }

    #[test]
    fn prints_as_a_calendar_does() {
        let days = (0..2_932_890).step_by(97).chain([59, 60, 365, 789, 11_016, 11_017, 2_932_890]);
        for day in days {
            for within in [0, 1, 86_399_999_999, 45_296_123_456] {
                let micros = day * 86_400_000_000 + within;
                let expected = jiff::Timestamp::from_microsecond(micros).map(|at| format!("{at:.6}"));
                assert_eq!(Some(Timestamp::from_micros(micros).to_string()), expected.ok());
            }
        }
    }
}
