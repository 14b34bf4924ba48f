//! The differences between two values: one that was written, and what is written of it after it was read.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

/// A difference, and where it is: a JSON pointer.
#[derive(Debug)]
pub(super) enum Difference {
    /// A field is not there any more.
    Lost(String),
    /// A field is there that was not.
    Added(String),
    /// A value is another one.
    Changed {
        place: String,
        before: Value,
        now: Value,
    },
}

/// All differences.
pub(super) fn differences(before: &Value, now: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(before, now, "", &mut found);
    found
}

fn compare(before: &Value, now: &Value, place: &str, found: &mut Vec<Difference>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => objects(before, now, place, found),
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                compare(before, now, &format!("{place}/{index}"), found);
            }
        }
        (before, now) if is_same(before, now) => {}
        (before, now) => found.push(Difference::Changed {
            place: place.to_owned(),
            before: before.clone(),
            now: now.clone(),
        }),
    }
}

fn objects(
    before: &Map<String, Value>,
    now: &Map<String, Value>,
    place: &str,
    found: &mut Vec<Difference>,
) {
    let mut added: Vec<&String> = now.keys().filter(|it| !before.contains_key(*it)).collect();
    for (name, value) in before {
        let at = pointer(place, name);
        if let Some(other) = now.get(name) {
            compare(value, other, &at, found);
            continue;
        }
        // Under another name, the same value: the old name is an alias.
        let alias = added.iter().position(|it| is_same(value, &now[*it]));
        match alias {
            Some(index) => {
                added.remove(index);
            }
            None => found.push(Difference::Lost(at)),
        }
    }
    let added = added.into_iter().map(|name| pointer(place, name));
    found.extend(added.map(Difference::Added));
}

fn pointer(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn is_same(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::Number(before), Value::Number(now)) => is_same_number(before, now),
        (Value::Array(before), Value::Array(now)) => {
            let mut both = before.iter().zip(now);
            before.len() == now.len() && both.all(|(before, now)| is_same(before, now))
        }
        (Value::Object(before), Value::Object(now)) => {
            let is_in = |(name, value): (&String, &Value)| {
                now.get(name).is_some_and(|other| is_same(value, other))
            };
            before.len() == now.len() && before.iter().all(is_in)
        }
        (before, now) => before == now,
    }
}

/// An integer may become a float if that is exact.
fn is_same_number(before: &Number, now: &Number) -> bool {
    let exact = |number: &Number| {
        let float = number
            .as_f64()
            .filter(|it| it.abs() < 9_007_199_254_740_992.0);
        float.filter(|_| number.is_f64() || number.is_i64() || number.is_u64())
    };
    before == now || exact(before).is_some_and(|float| exact(now) == Some(float))
}

/// The form of a value, as text. The file has as many samples as there are forms.
pub(super) fn form(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(number) => form_of_number(number),
        Value::String(text) if text.starts_with("text ") => "text".to_owned(),
        Value::String(text) if is_made_up_char(text) => "char".to_owned(),
        Value::String(text) => format!("{text:?}"),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(form).collect();
            format!("[{}]", all.join(","))
        }
        Value::Object(fields) => {
            let mut fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{}:{}", form_of_key(name), form(value)))
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
    }
}

/// The form of what stands at each place. What stands beside a tag depends on it.
pub(super) fn forms_at(value: &Value) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    collect(value, "", &mut forms);
    forms
}

fn collect(value: &Value, place: &str, forms: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let tags: Vec<String> = fields
                .values()
                .filter(|it| it.is_string())
                .map(form)
                .collect();
            let tags = tags.join(",");
            for (name, value) in fields {
                collect(
                    value,
                    &format!("{place}({tags})/{}", form_of_key(name)),
                    forms,
                );
            }
            forms.insert(format!("{place} {{{}}}", fields.is_empty()));
        }
        Value::Array(all) => {
            for (index, value) in all.iter().enumerate() {
                collect(value, &format!("{place}/{index}"), forms);
            }
            forms.insert(format!("{place} [{}]", all.len()));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            forms.insert(format!("{place} {}", form(value)));
        }
    }
}

fn is_made_up_char(text: &str) -> bool {
    text.len() == 1 && text.starts_with(|letter: char| letter.is_ascii_lowercase())
}

fn form_of_key(name: &str) -> String {
    let is_made_up = name.starts_with("text ") || name.parse::<f64>().is_ok();
    match is_made_up {
        true => "key".to_owned(),
        false => format!("{name:?}"),
    }
}

/// Small, or with how many bits.
fn form_of_number(number: &Number) -> String {
    let bits = |magnitude: u64| match u64::BITS - magnitude.leading_zeros() {
        0..=7 => "small".to_owned(),
        bits => bits.to_string(),
    };
    if let Some(number) = number.as_u64() {
        return bits(number);
    }
    match number.as_i64() {
        Some(number) => format!("-{}", bits(number.unsigned_abs())),
        None => "float".to_owned(),
    }
}
