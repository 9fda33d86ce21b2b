//! Times as RFC 3339 in UTC, by the civil calendar's day count. No leap seconds, no zones but Z.

const SECONDS_PER_DAY: i64 = 86_400;
/// From 0000-03-01, where the calendar's cycles begin, to the Unix epoch.
const DAYS_TO_EPOCH: i64 = 719_468;

/// Seconds since the epoch as `YYYY-MM-DDTHH:MM:SSZ`.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let shifted = seconds.div_euclid(SECONDS_PER_DAY) + DAYS_TO_EPOCH;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

/// The reverse of [`rfc3339`]; `None` for any other shape.
#[must_use]
pub fn parse_rfc3339_s(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time, ':')?;
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - DAYS_TO_EPOCH;
    Some(days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second)
}

fn three(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse::<i64>().ok());
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::{parse_rfc3339_s, rfc3339};

    #[test]
    fn times_are_written_and_read_by_the_civil_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_782_000_000, "2026-06-21T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(parse_rfc3339_s(text), Some(seconds));
        }
        assert_eq!(parse_rfc3339_s("2026-06-21 00:00:00"), None);
    }
}
