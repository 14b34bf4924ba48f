//! [`samples`]: what a type writes down, found out by reading it: its `Deserialize` is shown a deserializer
//! that makes values up, and what it reads is written as JSON.
//!
//! A type asks a deserializer for what it wants (a number, one of these variants), or reports by an error
//! what was wrong (this field is missing). So all that attributes or functions say to serde is in what is
//! found.

mod access;
mod choice;
mod guess;
mod prober;
mod unread;
mod vary;

use std::cell::RefCell;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::eventstore::probe::choice::{Blamed, Choices};
use crate::eventstore::probe::prober::Prober;
use crate::eventstore::probe::vary::Varied;

/// What was found out about a type.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    /// Values that it writes, as JSON: among them each variant of each enum, and each `Option` with and
    /// without its value.
    pub(super) texts: Vec<String>,
    /// What no value could be made of, and why.
    pub(super) missed: Vec<String>,
}

impl Samples {
    fn add(&mut self, text: String) {
        if !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }

    /// Adds the value with something in place of each `null`: what may be missing is not asked for where
    /// serde reads through a buffer.
    fn fill<T: Serialize + DeserializeOwned>(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let mut places = Vec::new();
        nulls(&value, &mut String::new(), &mut places);
        for place in places {
            let fillings = [
                json!(7),
                json!("text 7"),
                json!(true),
                json!(7.5),
                json!([]),
            ];
            let filled = fillings.into_iter().find_map(|filling| {
                let mut value = value.clone();
                *value.pointer_mut(&place)? = filling.clone();
                let read = serde_json::from_value::<T>(value).ok()?;
                let text = write(&read).ok()?;
                let again: Value = serde_json::from_str(&text).ok()?;
                (again.pointer(&place) == Some(&filling)).then_some(text)
            });
            if let Some(text) = filled {
                self.add(text);
            }
        }
    }
}

/// The places at which there is nothing.
fn nulls(value: &Value, place: &mut String, places: &mut Vec<String>) {
    let mut step = |step: &str, value: &Value| {
        let before = place.len();
        place.push('/');
        place.push_str(&step.replace('~', "~0").replace('/', "~1"));
        nulls(value, place, places);
        place.truncate(before);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| step(name, value)),
        Value::Array(all) => {
            let all = all.iter().enumerate();
            all.for_each(|(index, value)| step(&index.to_string(), value));
        }
        Value::Null => places.push(place.clone()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// As many attempts are made with one type.
const MAX_ATTEMPTS: usize = 20_000;
/// As many values are made of one type. Each shows an alternative at a place where it was not shown.
const MAX_SAMPLES: usize = 1_000;

/// Makes values of the type, and writes them down.
pub(super) fn samples<T: Serialize + DeserializeOwned>() -> Samples {
    let choices = RefCell::new(Choices::default());
    let mut found = Samples::default();
    let mut varied = Varied::default();
    let mut is_whole = false;
    for _ in 0..MAX_ATTEMPTS {
        choices.borrow_mut().begin();
        let made =
            T::deserialize(Prober::new(&choices)).map_err(|error| (error.to_string(), error.kind));
        let written = made.and_then(|value| write(&value).map_err(|error| (error, None)));
        let mut choices = choices.borrow_mut();
        match written {
            Ok(text) => {
                if choices.has_found {
                    found.fill::<T>(&text);
                }
                let others = varied.of(&text, is_kept::<T>);
                found.add(text);
                for other in others {
                    found.add(other.to_string());
                }
                is_whole = !choices.succeeded();
                if is_whole || found.texts.len() >= MAX_SAMPLES {
                    break;
                }
            }
            Err((error, kind)) => match choices.blame(kind) {
                Blamed::Again => {}
                Blamed::Missed(what) => found.missed.push(format!("{what}: {error}")),
                Blamed::Nothing => {
                    found.missed.push(error);
                    is_whole = true; // As far as it can be.
                    break;
                }
            },
        }
    }
    if !is_whole {
        let count = found.texts.len();
        let why = format!("{count} values do not show all that it may be");
        found.missed.push(why);
    }
    found
}

/// As it is written, if that can be read.
fn write<T: Serialize + DeserializeOwned>(value: &T) -> Result<String, String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    match serde_json::from_str::<T>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("`{text}` is written, and cannot be read: {error}")),
    }
}

/// Whether it is read, and written again as it is.
fn is_kept<T: Serialize + DeserializeOwned>(value: &Value) -> bool {
    let read = T::deserialize(value).ok();
    let written = read.and_then(|it| serde_json::to_value(it).ok());
    written.as_ref() == Some(value)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::samples;

    #[derive(Serialize, Deserialize)]
    #[rustfmt::skip]
    enum Ten<T> { A(T), B(T), C(T), D(T), E(T), F(T), G(T), H(T), I(T), J(T) }

    #[test]
    fn what_is_too_much_to_be_shown_is_counted() {
        let all = samples::<Ten<Ten<bool>>>();
        assert!(all.missed.is_empty());
        assert_eq!(all.texts.len(), 200);
        let some = samples::<Ten<Ten<Ten<Ten<bool>>>>>();
        assert!(some.missed[0].contains("do not show all"));
    }
}
