//! Whatever a request says, it becomes a message or a problem of the client's, and never a panic; and a
//! message that is written as a body is read as itself. So is what a client of a stream filters by: an event
//! is wanted by a client that asks for its fields.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use nether::__private::http::{is_wanted, read_message};
use nether::prelude::*;

#[command(http = "POST /orders/{id}")]
#[derive(PartialEq)]
pub struct Order {
    pub id: u64,
    pub article: String,
    pub price: f64,
    pub small: Option<i8>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    pub labels: BTreeMap<String, i128>,
}

#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    nether::__private::serde::Serialize,
    nether::__private::serde::Deserialize,
)]
#[serde(crate = "nether::__private::serde")]
pub enum Kind {
    #[default]
    Letter,
    Parcel {
        weight: u32,
        fragile: bool,
    },
}

/// A message that takes what no other field does.
#[command(http = "POST /any")]
#[derive(PartialEq)]
pub struct Any {
    pub id: Option<u32>,
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// A message that is its whole body.
#[command(http = "POST /kinds")]
#[derive(PartialEq)]
pub enum Whole {
    Nothing,
    One(u8),
    Several { numbers: Vec<i64> },
}

/// An event that clients filter for.
#[event(http = "SSE /happened/{id}")]
pub struct Happened {
    pub id: u64,
    pub name: String,
    pub flag: bool,
    pub size: f64,
}

fuzz_target!(|data: &[u8]| {
    // Path, query and body, a line each; the body may have more.
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    let (path, query) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let body = parts.next().unwrap_or_default();
    let (Ok(path), Ok(query)) = (std::str::from_utf8(path), std::str::from_utf8(query)) else {
        return;
    };
    check::<Order>(&[("id", path)], query, body);
    check::<Any>(&[], query, body);
    check::<Whole>(&[], query, body);
    check_filter(path, query, body);
});

fn check_filter(path: &str, query: &str, body: &[u8]) {
    // Long ones say nothing that short ones do not, and take long.
    let Some(body) = std::str::from_utf8(body).ok().filter(|it| it.len() < 128) else {
        return;
    };
    let filtered = |target: &str, event: &str| is_wanted("/happened/{id}", target, event);
    let target = format!("/happened/{path}?{query}");
    if let Some(Err(status)) = filtered(&target, body) {
        assert!(matches!(status, 400 | 404 | 422), "{status}");
    }
    let name: String = body.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let happened = Happened {
        id: body.len() as u64,
        name: body.to_owned(),
        flag: query.is_empty(),
        size: path.len() as f64 / 4.0,
    };
    let event = serde_json::to_string(&happened).expect("it is written");
    let Happened { id, flag, size, .. } = happened;
    let target = format!("/happened/{id}?name={name}&flag={flag}&size={size}");
    assert_eq!(
        filtered(&target, &event).unwrap_or(Ok(true)),
        Ok(true),
        "{event}"
    );
    let target = format!("/happened/{}?name={name}", id + 1);
    assert_eq!(
        filtered(&target, &event).unwrap_or(Ok(false)),
        Ok(false),
        "{event}"
    );
}

fn check<M>(path: &[(&str, &str)], query: &str, body: &[u8])
where
    M: nether::Message + nether::__private::http::Endpoint + PartialEq + std::fmt::Debug,
{
    match read_message::<M>(path, query, body, M::SHAPE) {
        Err(status) => assert!(matches!(status, 400 | 422), "{status}"),
        Ok(message) => {
            let body = serde_json::to_vec(&message).expect("it was read from text");
            assert_eq!(read_message::<M>(&[], "", &body, M::SHAPE), Ok(message));
        }
    }
}
