//! One endpoint a method and path: the name by which two of them meet.
//!
//! An expansion exports a macro of this name, and exported macros are in the root of their crate: of two, the
//! compiler says "the name `only_one_endpoint_may_be_POST_orders` is defined multiple times", and shows both
//! places.

use crate::message::endpoint::path::{RoutePath, Segment};
use crate::message::endpoint::verb::Verb;

/// The name: the same for what the same requests would reach, another for anything else.
///
/// A segment follows `_`, a parameter is `X`. In a segment `__` is `-` and `___` is `_`, but only between
/// letters or digits: so the number of underscores in a row says what they are. Anything else is `X` and its
/// code, two hexadecimal digits; `XX` is an X.
pub(crate) fn name(verb: Verb, path: &RoutePath) -> String {
    let mut name = format!("only_one_endpoint_may_be_{}", verb.method());
    for segment in &path.segments {
        name.push('_');
        match segment {
            Segment::Literal(text) => name.push_str(&literal(text)),
            Segment::Parameter(_) => name.push('X'),
        }
    }
    name
}

fn literal(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_plain = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_alphanumeric);
    let encoded = bytes.iter().enumerate().map(|(index, byte)| {
        let is_inside = index > 0 && is_plain(index - 1) && is_plain(index + 1);
        match byte {
            b'X' => "XX".to_owned(),
            b'-' if is_inside => "__".to_owned(),
            b'_' if is_inside => "___".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
            byte => format!("X{byte:02x}"),
        }
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::name;
    use crate::message::endpoint::path::{RoutePath, Segment};
    use crate::message::endpoint::verb::Verb;

    fn path(text: &str) -> RoutePath {
        let segments = text.split('/').filter(|segment| !segment.is_empty());
        let segments = segments.map(|segment| match segment.strip_prefix('{') {
            Some(name) => Segment::Parameter(name.to_owned()),
            None => Segment::Literal(segment.to_owned()),
        });
        RoutePath {
            text: text.to_owned(),
            segments: segments.collect(),
        }
    }

    fn check(verb: Verb, text: &str, expected: &str) {
        let expected = format!("only_one_endpoint_may_be_{expected}");
        assert_eq!(name(verb, &path(text)), expected);
    }

    #[test]
    fn simple_paths_are_legible() {
        check(Verb::Get, "/", "GET");
        check(Verb::Post, "/orders", "POST_orders");
        check(Verb::Put, "/orders/{id}/items", "PUT_orders_X_items");
        check(
            Verb::Get,
            "/order-items/per_day",
            "GET_order__items_per___day",
        );
        check(Verb::Get, "/orders.csv", "GET_ordersX2ecsv");
    }

    #[test]
    fn what_the_same_requests_reach_has_one_name() {
        let one = name(Verb::Get, &path("/orders/{id}"));
        assert_eq!(one, name(Verb::Sse, &path("/orders/{order_id}")));
    }

    #[test]
    fn other_paths_have_other_names() {
        let mut known = HashMap::new();
        for text in all(&["a", "X", "-", "_", "2", "d", "/"], 5) {
            // Only what is a path; a parameter is one segment.
            if text.starts_with('/') || text.ends_with('/') || text.contains("//") {
                continue;
            }
            let text = format!("/{text}");
            let parameter = text.replace("/d/", "/{}/");
            for text in [text, parameter] {
                let name = name(Verb::Get, &path(&text));
                let known = known.entry(name).or_insert_with(|| text.clone());
                assert_eq!(*known, text);
            }
        }
    }

    /// All texts of up to so many of the pieces.
    fn all(pieces: &[&str], length: usize) -> Vec<String> {
        if length == 0 {
            return vec![String::new()];
        }
        let shorter = all(pieces, length - 1);
        let longest = shorter.iter().filter(|text| text.len() == length - 1);
        let longer: Vec<String> = longest
            .flat_map(|text| pieces.iter().map(move |piece| format!("{text}{piece}")))
            .collect();
        shorter.into_iter().chain(longer).collect()
    }
}
