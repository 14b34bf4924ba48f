//! Retired events: declared with `becomes`, they are not gone, and what stores hold of them has to become
//! other events.

use nether::Error;
use nether::eventstore::Encoding;
use nether::prelude::*;
use serde::Deserialize;
use serde_json::json;

use crate::{Lock, incompatible, outdated};

/// What the next one was while it was stored.
#[event(name = "retired.before")]
pub struct Moved {
    pub town: String,
    pub floor: Option<u8>,
}

#[event(name = "retired.moved", becomes = split)]
pub struct RetiredMoved {
    pub town: String,
    pub floor: Option<u8>,
}

#[event(name = "retired.sent", version = 2, upcast = with_town, becomes = settled)]
pub struct Sent {
    pub town: String,
}

#[derive(Deserialize)]
struct SentV1 {
    city: String,
}

#[event(name = "retired.settled")]
pub struct Settled {
    pub town: String,
}

#[event(name = "retired.lifted")]
pub struct Lifted {
    pub floor: u8,
}

/// Becomes the next one in the end if its number is odd.
#[event(name = "retired.egg", becomes = hatched)]
pub struct Egg {
    pub number: u64,
}

#[event(name = "retired.hen", becomes = laid)]
pub struct Hen {
    pub number: u64,
}

fn split(old: RetiredMoved) -> (Settled, Option<Lifted>) {
    let lifted = old.floor.map(|floor| Lifted { floor });
    (Settled { town: old.town }, lifted)
}

fn with_town(old: SentV1) -> Sent {
    Sent { town: old.city }
}

fn settled(old: Sent) -> nether::Result<Settled> {
    let town = old.town;
    match &*town {
        "nowhere" => Err(Error::msg(format!("there is no town `{town}`"))),
        "everywhere" => panic!("it need not bear every town"),
        _ => Ok(Settled { town }),
    }
}

fn hatched(Egg { number }: Egg) -> Option<Hen> {
    (number == CIRCLING).then_some(Hen { number })
}

fn laid(Hen { number }: Hen) -> Option<Egg> {
    (number == CIRCLING).then_some(Egg { number })
}

/// Handles what others become.
#[derive(Default)]
pub struct Towns;

#[projection(name = "retired.towns", handles = [Settled], durable)]
impl Towns {
    fn settled(&mut self, _: &Settled) {}

    #[on_rebuild]
    fn clear(&mut self) {}
}

/// No sample has it.
const CIRCLING: u64 = 77_777;

#[test]
fn an_event_that_was_stored_and_is_retired_is_not_gone_and_stays_readable() {
    let lock = Lock::new("retired");
    lock.copy("events", "retired.before", "retired.moved");
    lock.open().check().unwrap();
    let mut json = lock.json();
    let samples = &mut json["stored"]["events"]["retired.moved"]["1"]["samples"];
    assert!(!samples.as_array().unwrap().is_empty());
    *samples = json!([{ "city": "a", "floor": 1 }]);
    lock.write(&json);
    let text = incompatible(&lock.error());
    for part in ["`retired.moved` (", "retired.rs:", "missing field `town`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_stores_hold_of_a_retired_event_in_each_version_has_to_become_other_events() {
    let lock = Lock::new("becomes");
    let whole = lock.json();
    let with = |version: &str, samples| {
        let mut json = whole.clone();
        json["stored"]["events"]["retired.sent"][version] = json!({ "samples": samples });
        lock.write(&json);
        lock.open().update().check()
    };
    with("1", json!([{ "city": "a" }])).unwrap();
    with("1", json!([{ "city": "everywhere" }])).unwrap();
    for (version, sample) in [
        ("1", json!({ "city": "nowhere" })),
        ("2", json!({ "town": "nowhere" })),
    ] {
        let text = incompatible(&with(version, json!([sample])).unwrap_err());
        let written = format!("`{sample}`, which version {version} has written,");
        for part in [
            "`retired.sent` (",
            "retired.rs:",
            &written,
            "there is no town `nowhere`",
            "its function in `becomes`",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn what_stores_hold_of_a_retired_event_in_messagepack_has_to_become_other_events() {
    let lock = Lock::new("becomes-packed");
    let packed = || lock.open().encoding(Encoding::MessagePack);
    packed().update().check().unwrap();
    packed().check().unwrap();
    let mut json = lock.json();
    // `{"town":"nowhere"}`
    json["stored"]["events"]["retired.sent"]["2"]["packed"][0]["bytes"] =
        "81a4746f776ea76e6f7768657265".into();
    lock.write(&json);
    let text = incompatible(&packed().check().unwrap_err());
    assert!(text.contains("there is no town `nowhere`"), "{text}");
}

#[test]
fn a_retired_event_that_becomes_itself_is_refused() {
    let lock = Lock::new("circle");
    let mut json = lock.json();
    let egg = &mut json["stored"]["events"]["retired.egg"]["1"];
    egg["samples"] = json!([{ "number": CIRCLING }]);
    lock.write(&json);
    let text = incompatible(&lock.error());
    for part in ["`retired.egg` (", "retired.rs:", "an event becomes itself"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("`retired.hen` ("), "{text}");
}

#[test]
fn an_event_that_is_retired_into_one_of_a_projection_changes_what_that_handles() {
    let lock = Lock::new("retired-into");
    let mut json = lock.json();
    let handles = &mut json["stored"]["projections"]["retired.towns"]["handles"];
    let all = json!(["retired.moved", "retired.sent", "retired.settled"]);
    assert_eq!(*handles, all);
    // As it was before `retired.sent` became another one: the program rebuilds it.
    *handles = json!(["retired.moved", "retired.settled"]);
    lock.write(&json);
    let text = outdated(&lock.error());
    assert!(text.contains("`retired.towns`"), "{text}");
    assert!(text.contains("it is rebuilt"), "{text}");
}
