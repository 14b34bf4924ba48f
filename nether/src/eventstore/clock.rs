//! What time it is, for what outlives the process.

/// Milliseconds since 1970 (UTC). With the feature `test` it follows tokio's clock, which tests may pause and
/// advance.
#[cfg(not(feature = "test"))]
pub(super) fn now() -> u64 {
    milliseconds(std::time::SystemTime::now())
}

/// Milliseconds since 1970 (UTC). With the feature `test` it follows tokio's clock, which tests may pause and
/// advance.
#[cfg(feature = "test")]
pub(super) fn now() -> u64 {
    use std::sync::OnceLock;
    use std::time::{Instant, SystemTime};

    // Tokio's clock begins with a std one, so the two can be compared.
    static BEGAN: OnceLock<(SystemTime, Instant)> = OnceLock::new();
    let (time, instant) = *BEGAN.get_or_init(|| (SystemTime::now(), Instant::now()));
    let now = tokio::time::Instant::now().into_std();
    milliseconds(time + now.saturating_duration_since(instant))
}

fn milliseconds(time: std::time::SystemTime) -> u64 {
    let since = time.duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A time in milliseconds since 1970, for people: `2026-11-30 23:59:59 UTC`.
pub(super) fn utc(milliseconds: u64) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let seconds = milliseconds / 1000;
    let (days, of_day) = (seconds / DAY, seconds % DAY);
    // Years that begin in March, so that a leap day is the last one; counted in eras of 400 years.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn a_time_is_shown_as_a_date() {
        let shown = [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399_999, "2000-02-28 23:59:59 UTC"),
            (951_868_799_000, "2000-02-29 23:59:59 UTC"),
            (951_868_800_000, "2000-03-01 00:00:00 UTC"),
            (1_798_761_599_000, "2026-12-31 23:59:59 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
        ];
        for (milliseconds, expected) in shown {
            assert_eq!(utc(milliseconds), expected);
        }
    }
}
