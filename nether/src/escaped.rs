//! [`Escaped`]: text that may come from outside, as one line of a log may hold it.
//!
//! A line break in the text would begin a forged line of the log, and the terminal that shows the log would
//! obey an escape sequence (CWE-117, CWE-150).

use std::fmt::{self, Display, Write};

/// Displays something without its control characters: these are written as Rust writes them, `\n` or
/// `\u{1b}`.
pub(crate) struct Escaped<T>(pub(crate) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Writes on what is written to it, without its control characters.
pub(crate) struct Escaping<W>(pub(crate) W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_control) {
            let (plain, behind) = rest.split_at(at);
            let mut behind = behind.chars();
            self.0.write_str(plain)?;
            if let Some(control) = behind.next() {
                write!(self.0, "{}", control.escape_default())?;
            }
            rest = behind.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Whether a character is not seen but obeyed: by terminals, or by what lays out text from right to left.
pub(crate) fn is_control(character: char) -> bool {
    let is_of_layout = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    is_of_layout || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn control_characters_are_written_as_what_they_are() {
        for (text, escaped) in [
            ("", ""),
            ("plain – text", "plain – text"),
            ("a\nb\r\n", "a\\nb\\r\\n"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("left\u{202e}right\u{2028}", "left\\u{202e}right\\u{2028}"),
        ] {
            assert_eq!(Escaped(text).to_string(), escaped);
        }
    }
}
