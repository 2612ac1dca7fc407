//! Variables of the time the exchange began, in UTC.

use portcullis_model::Timestamp;

use crate::seclang::Variable;
use crate::transaction::fill::Fill;

const DAY: i64 = 86_400;

impl Fill<'_> {
    /// `TIME` and its kin.
    pub(super) fn clock(&mut self, began: Timestamp) {
        let seconds = began.as_micros().div_euclid(1_000_000);
        let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let (year, month, day) = civil(days);
        if self.wants(Variable::Time) {
            self.single(Variable::Time, format!("{hour:02}:{minute:02}:{second:02}").as_bytes());
        }
        for (variable, number) in [
            (Variable::TimeEpoch, seconds),
            (Variable::TimeYear, year),
            (Variable::TimeMon, month - 1),
            (Variable::TimeDay, day),
            (Variable::TimeWday, (days + 4).rem_euclid(7)),
            (Variable::TimeHour, hour),
            (Variable::TimeMin, minute),
            (Variable::TimeSec, second),
        ] {
            self.number(variable, number);
        }
    }
}

/// Year, month (1 to 12) and day of a day since 1970 in the Gregorian calendar, counted in years from March on.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        for (days, date) in
            [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (20_779, (2026, 11, 22)), (-1, (1969, 12, 31))]
        {
            assert_eq!(civil(days), date);
        }
    }
}
