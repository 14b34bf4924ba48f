//! How numbers are written. Integers may be written like fractions: `4216.0` and `4.216e3` are the number
//! 4216, and an integer for JSON Schema.

/// As many digits has the longest integer that there is, of 128 bits.
const MAX_DIGITS: i64 = 39;

/// The number without its fraction, if it has none but zeros and is not written as an integer already.
pub(super) fn integral(number: &str) -> Option<String> {
    let (sign, magnitude) = match number.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", number),
    };
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (magnitude, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    let is_of_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_integer = mantissa.len() == magnitude.len() && whole.len() == magnitude.len();
    if is_integer || whole.is_empty() || !is_of_digits(whole) || !is_of_digits(fraction) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    let significant = digits.trim_end_matches('0');
    let dropped = (digits.len() - significant.len()) as i64;
    // So many zeros follow the digits that say something.
    let zeros = exponent
        .checked_sub(fraction.len() as i64)?
        .checked_add(dropped)?;
    if zeros < 0 || zeros > MAX_DIGITS - significant.len() as i64 {
        return None;
    }
    Some(format!("{sign}{significant}{}", "0".repeat(zeros as usize)))
}

/// The JSON with such numbers as integers; none if it has none.
pub(super) fn rewritten(json: &[u8]) -> Option<Vec<u8>> {
    let mut written = Vec::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => at = end_of_string(json, at),
            b'-' | b'0'..=b'9' => {
                let is_of_number = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let end = at + json[at..].iter().take_while(is_of_number).count();
                let number = std::str::from_utf8(&json[at..end]).ok();
                if let Some(integer) = number.and_then(integral) {
                    written.extend_from_slice(&json[kept..at]);
                    written.extend_from_slice(integer.as_bytes());
                    kept = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if kept == 0 {
        return None;
    }
    written.extend_from_slice(&json[kept..]);
    Some(written)
}

/// Whether a number in the JSON may be too large for an `f32`, which is then infinite: it has an exponent, or
/// as many digits. It may also be text that looks like one.
pub(super) fn may_overflow(json: &[u8]) -> bool {
    let mut digits: i64 = 0;
    json.iter().any(|byte| {
        if byte.is_ascii_digit() {
            digits += 1;
            return digits >= MAX_DIGITS;
        }
        // The fraction of a number makes it no larger, but may stand before an exponent.
        let digits_before = std::mem::take(&mut digits);
        digits_before > 0 && byte.eq_ignore_ascii_case(&b'e')
    })
}

/// Behind the string that begins at `start`.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::{integral, may_overflow, rewritten};

    #[test]
    fn a_number_without_a_fraction_is_an_integer_however_it_is_written() {
        for (number, integer) in [
            ("4216.0", Some("4216")),
            ("4.216e3", Some("4216")),
            ("4.216E+3", Some("4216")),
            ("421600e-2", Some("4216")),
            ("-7.000", Some("-7")),
            ("0.0", Some("0")),
            ("-0.0", Some("0")),
            ("0e99999", Some("0")),
            ("1e38", Some("100000000000000000000000000000000000000")),
            ("1e39", None),
            ("1e9223372036854775807", None),
            ("1e99999999999999999999", None),
            ("4216", None),
            ("42.16", None),
            ("1e-1", None),
            ("4216.", None),
            (".0", None),
            ("", None),
            ("-", None),
            ("e3", None),
            ("1.0.0", None),
            ("1-0.0", None),
        ] {
            assert_eq!(integral(number).as_deref(), integer, "{number}");
        }
    }

    #[test]
    fn only_numbers_with_an_exponent_or_many_digits_are_too_large() {
        for json in ["[3.5e38]", "[1E39]", "[1e+39]", &format!("[{}]", u128::MAX)] {
            assert!(may_overflow(json.as_bytes()), "{json}");
        }
        for json in [
            "",
            "[1.5,-2]",
            "{\"ele\":\"the\"}",
            "[18446744073709551615]",
        ] {
            assert!(!may_overflow(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn numbers_of_json_are_rewritten_outside_of_strings() {
        let json = br#"{"a":4216.0,"b":["1.0","\"2.0",3.5,-1e2],"c\\":2.0}"#;
        let expected = r#"{"a":4216,"b":["1.0","\"2.0",3.5,-100],"c\\":2}"#;
        let written = rewritten(json).expect("some are written so");
        assert_eq!(String::from_utf8_lossy(&written), expected);
        for json in ["", "{}", r#"{"a":1,"b":"1.0"}"#, "\"1.0", "\"\\"] {
            assert_eq!(rewritten(json.as_bytes()), None, "{json}");
        }
    }
}
