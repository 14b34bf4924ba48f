//! Numbers and tables as Markdown.

use crate::statistics::Spread;

/// A table: its head, and rows of as many cells.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}

/// Nanoseconds, with the quartiles.
pub fn time(nanos: Spread) -> String {
    let (divisor, unit) = match nanos.median {
        ..1e3 => (1.0, "ns"),
        ..1e6 => (1e3, "µs"),
        _ => (1e6, "ms"),
    };
    let [low, median, high] =
        [nanos.low, nanos.median, nanos.high].map(|value| digits(value / divisor));
    format!("{median} {unit} ({low}–{high})")
}

/// A ratio, with the quartiles.
pub fn ratio(ratio: Spread) -> String {
    let [low, median, high] = [ratio.low, ratio.median, ratio.high].map(digits);
    format!("**{median}** ({low}–{high})")
}

/// Three digits or so.
pub fn digits(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// What is not there.
pub fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".into())
}
