//! Names that are gone are reported, and not dropped silently.

use nether::eventstore::Store;
use nether::prelude::*;

use crate::{Lock, incompatible, outdated, removed};

#[event(name = "names.seen")]
pub struct Seen {
    pub who: String,
    pub twice: Option<bool>,
}

#[event]
pub struct Unnamed {
    pub who: String,
}

#[derive(Default)]
pub struct Counted;

#[projection(name = "names.counted", handles = [Seen], durable)]
impl Counted {
    fn seen(&mut self, _: &Seen) {}
}

#[derive(Default)]
pub struct Rebuilt;

#[projection(name = "names.rebuilt", handles = [Seen], durable)]
impl Rebuilt {
    fn seen(&mut self, _: &Seen) {}

    #[on_rebuild]
    fn clear(&mut self) {}
}

#[derive(Default)]
pub struct InMemory;

#[projection(name = "names.in_memory", handles = [Seen])]
impl InMemory {
    fn seen(&mut self, _: &Seen) {}
}

#[event(name = "names.changed", version = 2, upcast = from_v1)]
pub struct Changed {
    pub cents: u64,
}

#[derive(serde::Deserialize)]
struct ChangedV1 {
    euros: u64,
}

fn from_v1(old: ChangedV1) -> Changed {
    Changed {
        cents: old.euros * 100,
    }
}

#[test]
fn another_name_is_reported_with_the_name_that_it_had_and_is_not_updated_silently() {
    for (kind, word, name) in [
        ("events", "event", "names.seen"),
        ("projections", "projection", "names.counted"),
        ("sagas", "saga", "before.flow"),
        ("aggregates", "aggregate", "before.account"),
        ("commands", "command", "before.pack"),
    ] {
        let lock = Lock::new("renamed");
        lock.rename(kind, name, "old.name");
        let told = format!("the {word} `old.name` is gone, and `{name}` is new (");
        let text = removed(&lock.error());
        let confirm = format!("UPDATE_SCHEMA=\"{word} old.name\" cargo test");
        for part in [
            &told,
            "write `name = \"old.name\"` there",
            "probably the same",
            &confirm,
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        removed(&lock.open().update().check().unwrap_err());
        let before = lock.json();
        lock.open()
            .removed(format!("{word} old.name"))
            .check()
            .unwrap();
        assert!(lock.json()["stored"][kind]["old.name"].is_null());
        assert_eq!(
            lock.json()["removed"][kind]["old.name"],
            before["stored"][kind]["old.name"]
        );
        lock.open().check().unwrap();
    }
}

#[test]
fn an_event_that_is_gone_is_kept_by_becomes_first() {
    let lock = Lock::new("gone-event");
    lock.copy("events", "names.seen", "old.name");
    let text = removed(&lock.error());
    let becomes = text.find("keep it, with `becomes = ..`").unwrap();
    let confirm = "if no store holds it: `UPDATE_SCHEMA=\"event old.name\" cargo test`";
    assert!(becomes < text.find(confirm).unwrap(), "{text}");
    lock.rename("events", "names.seen", "old.name");
    let text = removed(&lock.error());
    assert!(text.contains("there, or keep it, with `becomes"), "{text}");
}

#[test]
fn another_version_of_a_projection_is_written_down_and_an_older_one_is_refused() {
    let lock = Lock::new("version");
    let mut json = lock.json();
    json["stored"]["projections"]["names.counted"]["handles"] = ["names.gone"].into();
    lock.write(&json);
    outdated(&lock.error());
    lock.is_accepted("other events");
    let mut json = lock.json();
    assert_eq!(
        json["stored"]["projections"]["names.counted"]["handles"],
        serde_json::json!(["names.seen"])
    );
    json["stored"]["projections"]["names.counted"]["version"] = 2.into();
    lock.write(&json);
    let text = incompatible(&lock.error());
    assert!(text.contains("write `version = 3`"), "{text}");
    incompatible(&lock.open().update().check().unwrap_err());
}

#[test]
fn a_projection_that_has_changed_is_said_to_be_rebuilt_only_if_it_can_be() {
    for (name, then) in [
        ("names.rebuilt", "it is rebuilt when the program starts"),
        ("names.counted", "its start is refused"),
    ] {
        let lock = Lock::new("rebuilt");
        let mut json = lock.json();
        json["stored"]["projections"][name]["handles"] = ["names.gone"].into();
        lock.write(&json);
        let text = outdated(&lock.error());
        assert!(text.contains(then), "{text}");
        assert_eq!(text.contains("`#[on_rebuild]`"), name == "names.counted");
    }
}

#[test]
fn a_removed_name_that_is_back_has_to_read_what_it_has_written() {
    let lock = Lock::new("back");
    let mut json = lock.json();
    let record = json["stored"]["events"]["names.seen"].clone();
    json["stored"]["events"]
        .as_object_mut()
        .unwrap()
        .remove("names.seen");
    json["removed"] = serde_json::json!({ "events": { "names.seen": record } });
    lock.write(&json);
    assert!(outdated(&lock.error()).contains("the event `names.seen` is back"));
    json["removed"]["events"]["names.seen"]["1"]["samples"] = serde_json::json!([{ "whom": "a" }]);
    lock.write(&json);
    let text = crate::incompatible(&lock.error());
    assert!(text.contains("missing field `who`"), "{text}");
}

#[test]
fn an_optional_field_that_is_gone_beside_a_new_one_may_be_renamed_and_is_reported() {
    let lock = Lock::new("optional");
    let mut json = lock.json();
    let event = &mut json["stored"]["events"]["names.seen"]["1"];
    let text = event.to_string().replace("twice", "again");
    *event = serde_json::from_str(&text).unwrap();
    lock.write(&json);
    let text = removed(&lock.error());
    assert!(text.contains("`#[serde(alias = \"again\")]`"), "{text}");
    lock.open().removed("event names.seen").check().unwrap();
    lock.open().check().unwrap();
}

#[test]
fn a_projection_in_memory_and_an_event_without_a_name_have_nothing_in_stores() {
    let json = Lock::new("unstored").json()["stored"].to_string();
    assert!(json.contains("names.counted"));
    assert!(!json.contains("names.in_memory") && !json.contains("Unnamed"));
}

#[tokio::test]
async fn an_event_without_a_name_is_not_stored() {
    let event = Unnamed { who: "a".into() };
    let refused = Store::memory().append_events("names/1", [event]).await;
    let text = refused.unwrap_err().to_string();
    for part in ["::names::Unnamed", "names.rs:", "#[event(name = "] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_an_older_version_has_written_is_read_by_its_steps() {
    let lock = Lock::new("older");
    let mut json = lock.json();
    let versions = &mut json["stored"]["events"]["names.changed"];
    versions["1"] = serde_json::json!({ "samples": [{ "euros": 7 }, { "euros": u64::MAX }] });
    lock.write(&json);
    lock.open().check().unwrap(); // A step need not bear every number.
    json["stored"]["events"]["names.changed"]["1"]["samples"] = serde_json::json!([{ "euro": 7 }]);
    lock.write(&json);
    let text = crate::incompatible(&lock.error());
    for part in [
        "which version 1 has written",
        "missing field `euros`",
        "names.rs:",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    json["stored"]["events"]["names.changed"]["3"] = serde_json::json!({});
    lock.write(&json);
    let text = crate::incompatible(&lock.error());
    assert!(text.contains("`version = 4`"), "{text}");
}
