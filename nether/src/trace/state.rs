//! The header `tracestate`: members that tracing systems add, handed on unread.

/// How many members there may be.
const MEMBERS: usize = 32;

/// How many bytes are handed on.
const LENGTH: usize = 512;

/// Members of more bytes than this are the first to be left out.
const LARGE: usize = 128;

/// Reads the part of the header that is handed on; `None` if it is invalid, or has no members.
pub(super) fn read(header: &str) -> Option<String> {
    let all = header
        .split(',')
        .map(|member| member.trim_matches(is_space));
    let mut members: Vec<&str> = all.filter(|member| !member.is_empty()).collect();
    if members.len() > MEMBERS || !members.iter().all(|member| is_member(member)) {
        return None;
    }
    while length(&members) > LENGTH {
        let large = members.iter().rposition(|member| member.len() > LARGE);
        members.remove(large.unwrap_or(members.len() - 1));
    }
    (!members.is_empty()).then(|| members.join(","))
}

/// With the commas between them.
fn length(members: &[&str]) -> usize {
    let bytes: usize = members.iter().map(|member| member.len()).sum();
    bytes + members.len().saturating_sub(1)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// Whether it is `key=value`, as level 2 of the specification has it, which permits all that level 1 does.
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else {
        return false;
    };
    is_key(key.as_bytes()) && is_value(value.as_bytes())
}

fn is_key(key: &[u8]) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_next = |byte: &u8| is_first(byte) || b"_-*/@".contains(byte);
    key.len() <= 256 && key.first().is_some_and(is_first) && key.iter().all(is_next)
}

/// A value does not end in a space, since that is not part of it.
fn is_value(value: &[u8]) -> bool {
    let is_printed = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    (1..=256).contains(&value.len()) && value.iter().all(is_printed)
}

#[cfg(test)]
mod tests {
    use super::read;

    fn joined(members: impl IntoIterator<Item = String>) -> String {
        members.into_iter().collect::<Vec<_>>().join(",")
    }

    #[test]
    fn valid_members_are_handed_on_in_their_order() {
        for (header, handed_on) in [
            ("a=1", "a=1"),
            ("b=2,a=1", "b=2,a=1"),
            (" a=1 ,\tb= 2\t,", "a=1,b= 2"),
            (",,a=1,,", "a=1"),
            ("a=1,a=2", "a=1,a=2"),
            ("1tenant@vendor=x y!~", "1tenant@vendor=x y!~"),
            ("a_-*/@0=1", "a_-*/@0=1"),
        ] {
            assert_eq!(read(header).as_deref(), Some(handed_on), "{header}");
        }
        let long = format!("{}={}", "k".repeat(256), "v".repeat(255));
        assert_eq!(read(&long), Some(long));
    }

    #[test]
    fn one_invalid_member_makes_all_of_it_invalid() {
        for header in [
            "a",
            "a=",
            "=1",
            "a=1=2",
            "A=1",
            "@a=1",
            "-a=1",
            "a b=1",
            "a =1",
            "a=\u{1}",
            "a=é",
            "a=1;b",
            "é=1",
            "a=1\u{7f}",
        ] {
            let is_valid = header == "a=1;b"; // A semicolon is a character like others.
            assert_eq!(read(header).is_some(), is_valid, "{header}");
            assert_eq!(
                read(&format!("b=2,{header}")).is_some(),
                is_valid,
                "{header}"
            );
        }
        assert_eq!(read(&format!("{}=1", "k".repeat(257))), None);
        assert_eq!(read(&format!("k={}", "v".repeat(257))), None);
    }

    #[test]
    fn without_members_there_is_none() {
        for header in ["", " ", ",", "\t, ,"] {
            assert_eq!(read(header), None);
        }
    }

    #[test]
    fn up_to_32_members_are_handed_on() {
        let members = |count| joined((0..count).map(|number| format!("k{number}=1")));
        assert_eq!(read(&members(32)), Some(members(32)));
        assert_eq!(read(&members(33)), None);
    }

    #[test]
    fn what_is_too_long_loses_large_members_and_then_the_last_ones() {
        let large = format!("large={}", "x".repeat(130));
        let small = |number| format!("k{number}={}", "x".repeat(97));
        let all = joined([
            small(1),
            large.clone(),
            small(2),
            small(3),
            small(4),
            small(5),
        ]);
        let kept = joined([small(1), small(2), small(3), small(4), small(5)]);
        assert_eq!(read(&all), Some(kept.clone()));
        let more = joined([kept, small(6), small(7)]);
        let first = joined((1..=5).map(small));
        assert_eq!(read(&more), Some(first));
        // The last of two large ones goes, and that is enough.
        let two = joined([
            large.clone(),
            "b=2".into(),
            format!("c={}", "x".repeat(250)),
        ]);
        let two = joined([two, format!("d={}", "x".repeat(200))]);
        let rest = joined([large, "b=2".into(), format!("c={}", "x".repeat(250))]);
        assert_eq!(read(&two), Some(rest));
    }
}
