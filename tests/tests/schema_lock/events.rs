//! Changes of events: those that could not be read are refused, and those that can are not.

mod after;
mod before;
mod nest;

use nether::eventstore::Encoding;

use crate::{Lock, incompatible, outdated};

pub(crate) use after::Untagged;

/// What the events are made of, and are read by.
mod parts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Address {
        pub street: String,
        pub town: String,
    }

    /// A text in which there is something.
    pub fn not_empty<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        let text: String = Deserialize::deserialize(from)?;
        match text.is_empty() {
            true => Err(D::Error::custom("no word")),
            false => Ok(text),
        }
    }

    pub mod text {
        use super::{Deserialize, Deserializer, Error, Serializer};

        pub fn serialize<S: Serializer>(cents: &u64, out: S) -> Result<S::Ok, S::Error> {
            out.serialize_str(&cents.to_string())
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
            let text: String = Deserialize::deserialize(from)?;
            text.parse().map_err(D::Error::custom)
        }
    }
}

const REFUSED: &[(&str, &str)] = &[
    ("cased", "unknown variant `InStock`"),
    ("cased_field", "missing field `orderId`"),
    ("cased_fields", "missing field `orderId`"),
    ("tagged", "missing field `type`"),
    ("with_content", "missing field `of`"),
    ("untagged", "did not match any variant"),
    ("flat", "missing field `street`"),
    ("no_more_flat", "missing field `to`"),
    ("by_function", "expected a string"),
    ("not_written", "`by`, which stores hold, is lost"),
    ("skipped", "`by`, which stores hold, is lost"),
    ("inside", "unknown variant `Piece`"),
    ("new_type", "invalid type"),
    ("pair", "invalid length"),
    ("transparent", "invalid type"),
    ("gone", "`note`, which stores hold, is lost"),
    ("defaulted", "`note`, which stores hold, is lost"),
    ("needed", "missing field `by`"),
    ("no_more_optional", "null"),
    (
        "no_more_default",
        "`n` could be missing, and cannot any more",
    ),
    ("retyped", "expected a string"),
    ("narrowed", "expected u32"),
    ("unsigned", "expected u32"),
    ("rounded", "is read as"),
    ("less_exact", "is read as"),
    ("variant_gone", "unknown variant `B`"),
    ("variant_other", "is read as `\"Other\"`"),
    ("parsed", "expected a string"),
    ("denied", "unknown field `note`"),
    ("one", "invalid length"),
    ("distinct", "is read as"),
    ("never_zero", "a nonzero u16"),
    ("never_empty", "no word"),
    ("one_form", "invalid IPv4 address"),
    ("merged", "is read as `\"Other\"`"),
    ("nested", "unknown variant `E`"),
];

const ACCEPTED: &[&str] = &[
    "kept_name",
    "more_variants",
    "alias",
    "variant_alias",
    "optional_gone",
    "wider",
    "extended",
    "ordered",
    "wrapped",
    "strict",
    "now_optional",
];

#[test]
fn what_could_not_be_read_is_refused() {
    let lock = Lock::new("refused");
    let whole = lock.json();
    for (name, why) in REFUSED {
        lock.copy(
            "events",
            &format!("before.{name}"),
            &format!("after.{name}"),
        );
        let text = incompatible(&lock.error());
        assert!(
            text.contains(&format!("`after.{name}` (")),
            "{name}: {text}"
        );
        assert!(
            text.contains("schema_lock/events/after.rs:"),
            "{name}: {text}"
        );
        assert!(text.contains(why), "{name}: {text}");
        assert!(
            text.contains("`version = 2` and `upcast = ..`"),
            "{name}: {text}"
        );
        incompatible(&lock.open().update().check().unwrap_err());
        lock.write(&whole);
    }
}

#[test]
fn what_can_be_read_is_accepted() {
    let lock = Lock::new("accepted");
    let whole = lock.json();
    for name in ACCEPTED {
        lock.copy(
            "events",
            &format!("before.{name}"),
            &format!("after.{name}"),
        );
        lock.is_accepted(name);
        lock.write(&whole);
    }
}

#[test]
fn what_is_the_same_on_the_wire_needs_no_update() {
    let lock = Lock::new("same");
    for name in ["kept_name", "ordered", "wrapped", "same_forms"] {
        lock.copy(
            "events",
            &format!("before.{name}"),
            &format!("after.{name}"),
        );
        lock.open().check().unwrap();
    }
}

#[test]
fn what_was_written_before_a_change_is_read_after_the_next_one_too() {
    let lock = Lock::new("twice");
    lock.copy("events", "before.alias", "after.alias");
    lock.open().update().check().unwrap();
    let samples = lock.json()["stored"]["events"]["after.alias"]["1"]["samples"].to_string();
    assert!(
        samples.contains("cents") && samples.contains("amount"),
        "{samples}"
    );
    // A field that was there once, and is denied now.
    lock.copy("events", "before.optional_gone", "after.optional_gone");
    lock.open().update().check().unwrap();
    lock.copy("events", "after.optional_gone", "after.denied");
    let text = incompatible(&lock.error());
    assert!(text.contains("unknown field `note`"), "{text}");
}

#[test]
fn what_messagepack_has_otherwise_is_compared_in_stores_that_are_in_it() {
    let lock = Lock::new("packed");
    lock.copy("events", "before.packed", "after.packed");
    lock.is_accepted("as JSON, an address is a text");
    let packed = || lock.open().encoding(Encoding::MessagePack);
    let text = outdated(&packed().check().unwrap_err());
    assert!(text.contains("`after.packed` ("), "{text}");
    packed().update().check().unwrap();
    packed().check().unwrap();
    lock.copy("events", "before.packed", "after.packed");
    let text = incompatible(&packed().check().unwrap_err());
    assert!(
        text.contains("which stores hold in MessagePack for"),
        "{text}"
    );
}
