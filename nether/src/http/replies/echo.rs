//! What problems repeat of a request: little of it, and no control characters, however the text was made.

use std::fmt::Write;

use crate::escaped::{Escaping, is_control};

/// The most bytes of a problem's text that may be the client's own.
const ECHO: usize = 256;

/// How much of these is at its end.
const TAIL: usize = 48;

/// What stands where something is left out.
const GAP: &str = " .. ";

/// What the errors of serde have behind the client's own: what was expected, such as the names of all fields.
const EXPECTED: &str = ", expected ";

/// The most bytes of what was expected.
const LIST: usize = 512;

/// The most bytes of a text that the program has written, for an error of its own.
const OWN: usize = 4096;

/// A text about a request, which may repeat it.
pub(crate) fn abridged(text: String) -> String {
    if text.len() <= ECHO && !text.contains(is_control) {
        return text;
    }
    let (echo, expected) = match text.rfind(EXPECTED) {
        Some(at) => text.split_at(at),
        None => (text.as_str(), ""),
    };
    let mut short = middle_cut(&escaped(echo), ECHO);
    short.push_str(&middle_cut(&escaped(expected), LIST));
    short
}

/// The text of an error of the program.
pub(crate) fn own(text: String) -> String {
    match text.len() <= OWN {
        true => text,
        false => middle_cut(&text, OWN),
    }
}

/// The text without control characters; of a long one no more is escaped than is kept.
fn escaped(text: &str) -> String {
    let text = middle_cut(text, LIST);
    let mut escaped = String::new();
    let _ = Escaping(&mut escaped).write_str(&text);
    escaped
}

/// The beginning and the end of a text, `most` bytes in all.
fn middle_cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let begin = text.floor_char_boundary(most - TAIL - GAP.len());
    let end = text.ceil_char_boundary(text.len() - TAIL);
    format!("{}{GAP}{}", &text[..begin], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::{ECHO, LIST, OWN, abridged, own};

    #[test]
    fn a_short_text_is_left_alone() {
        let text = "`id`: invalid type: string \"ä\", expected u8";
        assert_eq!(abridged(text.to_owned()), text);
    }

    #[test]
    fn of_a_long_text_the_beginning_and_the_end_are_left() {
        let name = "ä".repeat(1 << 19);
        let text = format!("unknown field `{name}`, expected one of `id`, `text`");
        let short = abridged(text);
        assert!(short.starts_with("unknown field `ää"), "{short}");
        assert!(
            short.ends_with("ä`, expected one of `id`, `text`"),
            "{short}"
        );
        assert!(short.len() <= ECHO + 40, "{} bytes", short.len());
        let nothing_expected = abridged(format!("nothing is at `/{name}`"));
        assert!(nothing_expected.len() <= ECHO, "{nothing_expected}");
    }

    #[test]
    fn control_characters_are_escaped_and_count_as_they_are_written() {
        assert_eq!(abridged("a\nb".to_owned()), "a\\nb");
        let short = abridged("\u{1}".repeat(300_000));
        assert!(
            short.starts_with("\\u{1}\\u{1}") && short.len() <= ECHO,
            "{short}"
        );
        let hidden = abridged(format!("{}, expected {0}", "\u{1}".repeat(300_000)));
        assert!(hidden.len() <= ECHO + LIST, "{hidden}");
    }

    #[test]
    fn an_error_of_the_program_may_be_longer() {
        let text = "x\n".repeat(1000);
        assert_eq!(own(text.clone()), text);
        assert_eq!(own("x".repeat(1 << 20)).len(), OWN);
    }
}
