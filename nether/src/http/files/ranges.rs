//! Which requests for a part of a file get a part of it (RFC 9110, 14.2 and 13.1.5).

use axum::http::header::{CONTENT_LENGTH, ETAG, IF_RANGE, LAST_MODIFIED, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method};

/// Removes a range that must be ignored: of another method than GET, in an unknown unit. So is one of several
/// parts, which may be.
pub(crate) fn drop_unknown(method: &Method, headers: &mut HeaderMap) {
    let mut ranges = headers.get_all(RANGE).iter();
    let range = ranges.next().and_then(|range| range.to_str().ok());
    let is_known = range.is_some_and(|range| {
        let unit = range.get(..6).unwrap_or_default();
        unit.eq_ignore_ascii_case("bytes=") && !range.contains(',')
    });
    if !is_known || ranges.next().is_some() || *method != Method::GET {
        headers.remove(RANGE);
        return;
    }
    // The unit may be in any case, and the last byte behind any file, neither of which `ServeDir` knows.
    let plain = range.map(|range| within_files(&range.to_ascii_lowercase()));
    let plain = plain.and_then(|range| HeaderValue::try_from(range).ok());
    if let Some(range) = plain {
        headers.insert(RANGE, range);
    }
}

/// The range to the end of the file if its last byte is at a place that no file has (RFC 9110, 14.1.2).
fn within_files(range: &str) -> String {
    let (first, last) = range.split_once('-').unwrap_or((range, ""));
    let is_beyond = is_number(last) && last.parse::<u64>().is_err();
    match is_beyond && first.ends_with(|last: char| last.is_ascii_digit()) {
        true => format!("{first}-"),
        false => range.to_owned(),
    }
}

/// Whether the range is the end of a file, `bytes=-500`: where it begins depends on the length of the file.
pub(crate) fn is_of_end(headers: &HeaderMap) -> bool {
    length_of_end(headers).is_some()
}

/// Makes of the end of a file the whole file if it is no longer than that (RFC 9110, 14.1.2).
pub(crate) fn fit_end(headers: &mut HeaderMap, current: &HeaderMap) {
    let length = current.get(CONTENT_LENGTH).and_then(digits);
    if length.is_some_and(|length| length_of_end(headers).is_some_and(|asked| asked > length)) {
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-"));
    }
}

fn length_of_end(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(RANGE)?.as_bytes().get(6..)?;
    let end = range.strip_prefix(b"-")?;
    digits(&HeaderValue::from_bytes(end).ok()?)
}

/// The number that the value is; the greatest one if it is greater.
fn digits(value: &HeaderValue) -> Option<u64> {
    let digits = value.to_str().ok()?;
    is_number(digits).then(|| digits.parse().unwrap_or(u64::MAX))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// Removes a range of a file that is not `current` any more: a part of it would be put beside parts of
/// another.
pub(crate) fn drop_stale(headers: &mut HeaderMap, current: &HeaderMap) {
    let condition = headers.remove(IF_RANGE);
    if !condition.is_some_and(|condition| holds(&condition, current)) {
        headers.remove(RANGE);
    }
}

/// Whether the client has a part of just this file. A weak entity tag does not say so, and a date must be the
/// very one.
fn holds(condition: &HeaderValue, current: &HeaderMap) -> bool {
    let is_tag = condition.as_bytes().starts_with(b"\"");
    let known = current.get(if is_tag { ETAG } else { LAST_MODIFIED });
    known == Some(condition)
}

#[cfg(test)]
mod tests {
    use axum::http::header::{ETAG, IF_RANGE, LAST_MODIFIED, RANGE};
    use axum::http::{HeaderMap, HeaderValue, Method};

    use super::{drop_stale, drop_unknown};

    fn asked(range: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))])
    }

    #[test]
    fn only_one_part_in_bytes_is_a_range() {
        for (method, range, is_range) in [
            (Method::GET, "bytes=0-1", true),
            (Method::GET, "Bytes=-5", true),
            (Method::GET, "bytes=0-18446744073709551615", true),
            (Method::GET, "items=0-1", false),
            (Method::GET, "bytes=0-1,3-4", false),
            (Method::GET, "by", false),
            (Method::HEAD, "bytes=0-1", false),
        ] {
            let mut headers = asked(range);
            drop_unknown(&method, &mut headers);
            let known = headers.get(RANGE).map(|known| known.to_str().unwrap());
            let lower = range.to_ascii_lowercase();
            assert_eq!(known, is_range.then_some(&*lower), "{method} {range}");
        }
        let mut headers = asked("bytes=0-1");
        headers.append(RANGE, HeaderValue::from_static("bytes=3-4"));
        drop_unknown(&Method::GET, &mut headers);
        assert!(!headers.contains_key(RANGE));
    }

    #[test]
    fn a_last_byte_behind_any_file_is_the_end_of_the_file() {
        for (range, plain) in [
            ("bytes=7-18446744073709551616", "bytes=7-"),
            ("bytes=0-99999999999999999999999", "bytes=0-"),
            (
                "bytes=-99999999999999999999999",
                "bytes=-99999999999999999999999",
            ),
            (
                "bytes=a-99999999999999999999999",
                "bytes=a-99999999999999999999999",
            ),
            (
                "bytes=99999999999999999999999-",
                "bytes=99999999999999999999999-",
            ),
            (
                "bytes=0-1-99999999999999999999999",
                "bytes=0-1-99999999999999999999999",
            ),
        ] {
            let mut headers = asked(range);
            drop_unknown(&Method::GET, &mut headers);
            assert_eq!(headers[RANGE], plain);
        }
    }

    #[test]
    fn a_part_belongs_to_the_file_that_the_client_knows() {
        let (tag, date) = ("\"a-b\"", "Tue, 01 Jan 2030 00:00:00 GMT");
        let current = HeaderMap::from_iter([
            (ETAG, HeaderValue::from_static(tag)),
            (LAST_MODIFIED, HeaderValue::from_static(date)),
        ]);
        for (condition, is_range) in [
            (tag, true),
            (date, true),
            ("\"a-c\"", false),
            ("W/\"a-b\"", false),
            ("Mon, 01 Jan 2001 00:00:00 GMT", false),
            ("anything", false),
        ] {
            let mut headers = asked("bytes=0-1");
            headers.insert(IF_RANGE, HeaderValue::from_static(condition));
            drop_stale(&mut headers, &current);
            assert_eq!(headers.contains_key(RANGE), is_range, "{condition}");
            assert!(!headers.contains_key(IF_RANGE));
        }
    }
}
