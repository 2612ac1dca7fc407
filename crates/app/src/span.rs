//! Spans of time as people write them: `90s`, `15m`, `2h`, `7d`.

use std::time::Duration;

use anyhow::{Result, bail};
use portcullis_model::Timestamp;

/// Reads a span; the units are `ms`, `s`, `m`, `h`, `d`, `w`.
pub(crate) fn parse(text: &str) -> Result<Duration> {
    let digits = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis_each: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => bail!("`{text}` is not a span of time; write for example 90s, 15m, 2h or 7d"),
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis_each)) {
        Some(millis) => Ok(Duration::from_millis(millis)),
        None => bail!("`{text}` is not a span of time; write for example 90s, 15m, 2h or 7d"),
    }
}

/// Reads a point in time: RFC 3339, or a span before `now`.
pub(crate) fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp> {
    match Timestamp::parse(text) {
        Some(at) => Ok(at),
        None => Ok(now.minus(parse(text)?)),
    }
}

/// Writes a span shortly: `850 µs`, `12.0 ms`, `3.4 s`, `12 min`, `5 h`.
pub(crate) fn short(span: Duration) -> String {
    let micros = span.as_secs_f64() * 1e6;
    match micros {
        m if m < 1e3 => format!("{m:.0} µs"),
        m if m < 1e6 => format!("{:.1} ms", m / 1e3),
        m if m < 120e6 => format!("{:.1} s", m / 1e6),
        m if m < 7200e6 => format!("{:.0} min", m / 60e6),
        m if m < 172_800e6 => format!("{:.0} h", m / 3600e6),
        m => format!("{:.0} d", m / 86_400e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in
            [("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("7d", 604_800_000), ("5ms", 5)]
        {
            assert_eq!(parse(text).ok(), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "m", "1", "1y", "-5m", "99999999999999999999s", "1.5h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_shortly() {
        let shown: Vec<String> =
            [850, 12_000, 3_400_000, 720_000_000].map(Duration::from_micros).into_iter().map(short).collect();
        assert_eq!(shown, ["850 µs", "12.0 ms", "3.4 s", "12 min"]);
    }
}
