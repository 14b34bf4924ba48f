//! [`AnyValue`]: what a text is for a type that takes any value, as an `untagged` enum does.
//!
//! Such a type is read as from JSON: `7` is a number and `true` a bool. Only if that fails, the text is read
//! as text. Where it goes the other way round, a number would lose digits: it has more than an `f64` holds.

use std::cell::{Cell, RefCell};

use serde::de::Visitor;
use serde_json::Error;

/// A text, as JSON has it without quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum AnyValue {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// It is nothing but text.
    Text,
}

impl AnyValue {
    /// The value; none where it is read as text first.
    fn of(text: &str) -> Self {
        if let Ok(bool) = text.parse() {
            return AnyValue::Bool(bool);
        }
        let is_number = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        if !text.bytes().all(is_number) {
            return AnyValue::Text;
        }
        let Ok(float) = serde_json::from_str::<f64>(text) else {
            return AnyValue::Text;
        };
        let unsigned = text.parse().map(AnyValue::Unsigned);
        let signed = || text.parse().map(AnyValue::Signed);
        unsigned
            .or_else(|_| signed())
            .unwrap_or(AnyValue::Float(float))
    }

    /// Whether the value says what the text says.
    fn is_exact(self, text: &str) -> bool {
        match self {
            AnyValue::Float(float) => digits(text) == digits(&format!("{float:e}")),
            _ => true,
        }
    }

    pub(super) fn visit<'de, V: Visitor<'de>>(
        self,
        text: &str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            AnyValue::Bool(bool) => visitor.visit_bool(bool),
            AnyValue::Unsigned(number) => visitor.visit_u64(number),
            AnyValue::Signed(number) => visitor.visit_i64(number),
            AnyValue::Float(number) => visitor.visit_f64(number),
            AnyValue::Text => visitor.visit_str(text),
        }
    }
}

/// Whether the text is a number that an `f32` does not hold.
pub(super) fn exceeds_f32(text: &str) -> bool {
    let most = f64::from(f32::MAX);
    matches!(AnyValue::of(text), AnyValue::Float(float) if float.abs() > most)
}

/// The digits of a number that say something.
fn digits(number: &str) -> String {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// How the texts of a request are read where a type takes any value. One reading of the message shows which
/// of them to read otherwise in the next.
#[derive(Debug, Default)]
pub(super) struct Readings<'a> {
    /// The names whose values are read the other way.
    otherwise: RefCell<Vec<&'a str>>,
    /// Whether a value of the name that is being read could be read the other way.
    has_other: Cell<bool>,
    /// The first name at whose values the message went wrong, if they can be read the other way.
    wrong: Cell<Option<&'a str>>,
}

impl<'a> Readings<'a> {
    /// Begins with the values of a name; gives back whether they are read the other way.
    pub(super) fn begin(&self, name: &str) -> bool {
        self.has_other.set(false);
        self.otherwise.borrow().contains(&name)
    }

    /// The message went wrong at the values of that name.
    pub(super) fn fail(&self, name: &'a str) {
        if self.has_other.get() && self.wrong.get().is_none() {
            self.wrong.set(Some(name));
        }
    }

    /// Reads the values of the name at which the message went wrong the other way, if there is one.
    pub(super) fn turn(&self) -> bool {
        let wrong = self.wrong.take();
        self.otherwise.borrow_mut().extend(wrong);
        wrong.is_some()
    }

    /// What the text is.
    pub(super) fn value(&self, text: &str, is_otherwise: bool) -> AnyValue {
        let value = AnyValue::of(text);
        let is_first = value.is_exact(text) != is_otherwise;
        if value != AnyValue::Text && !is_otherwise {
            self.has_other.set(true);
        }
        if is_first { value } else { AnyValue::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::AnyValue::{self, Bool, Float, Signed, Text, Unsigned};
    use super::Readings;

    #[test]
    fn text_is_what_json_has() {
        for (text, value) in [
            ("7", Unsigned(7)),
            ("-7", Signed(-7)),
            ("18446744073709551615", Unsigned(u64::MAX)),
            ("7.5", Float(7.5)),
            ("1.10", Float(1.1)),
            ("-1E3", Float(-1000.0)),
            ("0.30000000000000004", Float(0.300_000_000_000_000_04)),
            ("true", Bool(true)),
            ("", Text),
            ("007", Text),
            ("+7", Text),
            (" 7", Text),
            ("7.", Text),
            ("NaN", Text),
            ("null", Text),
            ("1e400", Text),
        ] {
            assert_eq!(AnyValue::of(text), value, "{text}");
            let readings = Readings::default();
            assert_eq!(readings.value(text, false), value, "{text}");
            assert_eq!(readings.value(text, true), Text, "{text}");
        }
    }

    #[test]
    fn a_number_that_would_lose_digits_is_text_first() {
        let readings = Readings::default();
        for long in ["0.1234567890123456789012", "184467440737095516160001"] {
            assert_eq!(readings.value(long, false), Text, "{long}");
            assert!(matches!(readings.value(long, true), Float(_)), "{long}");
        }
    }

    #[test]
    fn only_what_can_be_read_otherwise_is_read_again() {
        let readings = Readings::default();
        assert!(!readings.begin("a"));
        readings.value("text", false);
        readings.fail("a");
        assert!(!readings.turn());
        readings.begin("b");
        readings.value("7", false);
        readings.fail("b");
        assert!(readings.turn());
        assert!(readings.begin("b") && !readings.begin("a"));
        readings.begin("b");
        readings.value("7", true);
        readings.fail("b");
        assert!(!readings.turn());
    }
}
