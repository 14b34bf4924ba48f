//! The texts and numbers that the probe shows to a type which says no more than that it wants one.

/// Texts that types read which want one of a form: a time, an address.
pub(super) const TEXTS: &[&str] = &[
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05",
    "2026-01-02",
    "03:04:05",
    "67e55044-10b1-426f-9247-bb680e5fe0c8",
    "127.0.0.1",
    "255.255.255.255",
    "::1",
    "127.0.0.1:80",
    "[::1]:80",
    "http://example.org/",
    "name@example.org",
    "example.org",
    "1",
    "1.5",
    "1s",
    "1.2.3",
    "+00:00",
    "UTC",
    "EUR",
    "en",
    "01",
    "a",
    "A",
    "",
];

/// How many texts there are.
pub(super) const TEXT_COUNT: usize = TEXTS.len() + 1;

/// Whether it is one of these texts, and not any text.
pub(super) fn is_of_form(text: &str) -> bool {
    TEXTS.contains(&text)
}

/// A text. The first one is distinguished from the others of a value by its number.
pub(super) fn text(guess: usize, number: u8) -> String {
    match guess.checked_sub(1).and_then(|index| TEXTS.get(index)) {
        Some(text) => (*text).to_owned(),
        None => format!("text {number}"),
    }
}

/// Numbers at both ends, so that a smaller type does not read them, and a small one.
pub(super) const NUMBER_COUNT: usize = 3;

macro_rules! numbers {
    ($($name:ident: $ty:ty),* $(,)?) => {
        $(pub(super) fn $name(guess: usize, number: u8) -> $ty {
            let number = <$ty>::from(number % 50 + 1);
            match guess {
                1 => <$ty>::MAX - number,
                2 => <$ty>::MIN + number,
                _ => number,
            }
        })*
    };
}

numbers! {
    u8: u8, u16: u16, u32: u32, u64: u64, u128: u128,
    i16: i16, i32: i32, i64: i64, i128: i128,
}

pub(super) fn i8(guess: usize, number: u8) -> i8 {
    i8::try_from(i16(guess, number).clamp(-100, 100)).unwrap_or_default()
}

/// A float with few digits, one with all, a negative one.
pub(super) fn f64(guess: usize, number: u8) -> f64 {
    let number = f64::from(number);
    match guess {
        1 => number + 0.123_456_789_012_345,
        2 => -number - 0.5,
        _ => number + 0.5,
    }
}

pub(super) fn f32(guess: usize, number: u8) -> f32 {
    let number = f32::from(number);
    match guess {
        1 => number + 0.125,
        2 => -number - 0.5,
        _ => number + 0.5,
    }
}

pub(super) fn char(number: u8) -> char {
    char::from(b'a' + number % 26)
}
