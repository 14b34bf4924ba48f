//! Durations as attributes write them: `250ms`, `30s`, `5m`, `1h`.

use std::time::Duration;

/// The error for a text that should be a duration and is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoDuration;

/// The duration that the text says: a whole number and its unit.
pub(crate) fn read(text: &str) -> Result<Duration, NoDuration> {
    let unit = text.trim_start_matches(|character: char| character.is_ascii_digit());
    let number = &text[..text.len() - unit.len()];
    let number: u64 = number.parse().map_err(|_| NoDuration)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err(NoDuration),
    };
    let millis = number.checked_mul(millis).ok_or(NoDuration)?;
    Ok(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{NoDuration, read};

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        assert_eq!(read("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(read("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(read("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(read("1h"), Ok(Duration::from_secs(3600)));
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5s",
            "5d",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(read(text), Err(NoDuration), "{text}");
        }
    }
}
