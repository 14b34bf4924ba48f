//! [`Varied`]: a sample with other values in it, which a smaller type does not read: zero, no text, a list of
//! none and of two that are equal, each text of a form that is read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::eventstore::probe::guess;

/// The places at which other values were tried.
#[derive(Default)]
pub(super) struct Varied {
    places: BTreeSet<String>,
}

/// What stands at a place.
struct VariedPlace {
    pointer: String,
    /// Each is read together with those at other places, if it can be: what has nothing in it, lists of
    /// none, lists of two.
    together: [Option<Value>; 3],
    /// Each is shown by itself.
    alone: Vec<Value>,
}

impl Varied {
    /// Makes other values of this one, of those that are read and written again as they are.
    pub(super) fn of(&mut self, text: &str, read: impl Fn(&Value) -> bool) -> Vec<Value> {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Vec::new();
        };
        let mut places = Vec::new();
        collect(&value, "", "", &mut |pointer, key, value| {
            if self.places.insert(key) {
                places.extend(VariedPlace::of(pointer, value));
            }
        });
        let mut found = Vec::new();
        for index in 0..3 {
            let mut all = value.clone();
            for place in &places {
                let changed = place.together[index].as_ref();
                let changed = changed.and_then(|other| replaced(&all, &place.pointer, other));
                if let Some(changed) = changed.filter(&read) {
                    all = changed;
                }
            }
            if all != value {
                found.push(all);
            }
        }
        for place in &places {
            let others = place.alone.iter();
            let others = others.filter_map(|other| replaced(&value, &place.pointer, other));
            found.extend(others.filter(|it| *it != value).filter(&read));
        }
        found
    }
}

impl VariedPlace {
    fn of(pointer: String, value: &Value) -> Option<Self> {
        let (together, alone) = match value {
            Value::Number(number) if number.is_f64() => return None,
            Value::Number(_) => ([Some(Value::from(0)), None, None], Vec::new()),
            Value::String(text) if guess::is_of_form(text) => {
                let texts = guess::TEXTS.iter().map(|text| Value::from(*text));
                ([None, None, None], texts.collect())
            }
            Value::String(_) => ([Some(Value::from("")), None, None], Vec::new()),
            Value::Array(all) if all.len() == 1 => {
                let none = Value::Array(Vec::new());
                let two = Value::Array(vec![all[0].clone(), all[0].clone()]);
                ([None, Some(none), Some(two)], Vec::new())
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        Some(VariedPlace {
            pointer,
            together,
            alone,
        })
    }
}

fn replaced(value: &Value, pointer: &str, other: &Value) -> Option<Value> {
    let mut value = value.clone();
    *value.pointer_mut(pointer)? = other.clone();
    Some(value)
}

/// All places, those inside before those around them: each with its pointer and with that and the variants
/// on the way to it.
fn collect(
    value: &Value,
    pointer: &str,
    key: &str,
    found: &mut impl FnMut(String, String, &Value),
) {
    match value {
        Value::Object(fields) => {
            // What stands beside a tag depends on it.
            let tags = fields.values().filter_map(Value::as_str);
            let tags = tags.filter(|it| !it.starts_with("text ") && !guess::is_of_form(it));
            let key = format!("{key}{}", tags.collect::<Vec<_>>().join(","));
            for (name, value) in fields {
                let step = name.replace('~', "~0").replace('/', "~1");
                let (pointer, key) = (format!("{pointer}/{step}"), format!("{key}/{step}"));
                collect(value, &pointer, &key, found);
            }
        }
        Value::Array(all) => {
            for (index, value) in all.iter().enumerate() {
                let (pointer, key) = (format!("{pointer}/{index}"), format!("{key}/{index}"));
                collect(value, &pointer, &key, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    let kind = match value {
        Value::Array(all) if all.len() != 1 => return,
        Value::Array(_) => "list",
        Value::Number(_) => "number",
        Value::String(text) if guess::is_of_form(text) => "form",
        Value::String(text) if text.starts_with("text ") => "text",
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Object(_) => return,
    };
    found(pointer.to_owned(), format!("{key} {kind}"), value);
}
