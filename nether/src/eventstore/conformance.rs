//! What every [`EventStore`] has to do, as a test: for whoever writes a backend.
//!
//! ```
//! use nether::eventstore::{MemoryStore, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! conformance::check(async || MemoryStore::default()).await;
//! # }
//! ```

mod appending;
mod documents;
mod following;
mod reading;

use std::sync::Arc;

use crate::eventstore::store::{
    Append, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, Payload, StreamId,
};

/// Checks a backend: each property with a store of its own, which `make` makes, empty.
///
/// # Panics
/// If the store does not do what it has to: saying what.
pub async fn check<S: EventStore>(make: impl AsyncFn() -> S) {
    reading::streams_are_read_in_both_directions(&make().await).await;
    reading::all_events_are_read_in_order(&make().await).await;
    reading::what_was_appended_is_read_back_whole(&make().await).await;
    appending::versions_have_no_gaps(&make().await).await;
    appending::another_version_than_expected_is_a_conflict(&make().await).await;
    appending::nothing_is_appended_in_part(&make().await).await;
    appending::an_append_is_idempotent(&make().await).await;
    appending::one_of_many_wins_each_version(Arc::new(make().await)).await;
    following::positions_have_no_gaps_while_many_append(Arc::new(make().await)).await;
    following::changed_waits_for_what_is_new(Arc::new(make().await)).await;
    following::a_follower_sees_each_event_once(Arc::new(make().await)).await;
    documents::documents_are_kept_listed_and_removed(&make().await).await;
    documents::documents_change_together(Arc::new(make().await)).await;
}

/// An event with this text.
fn event(text: &str) -> NewEvent {
    NewEvent {
        id: EventId::new(),
        name: "conformance.happened".into(),
        schema: 1,
        payload: Payload {
            encoding: Encoding::Json,
            bytes: text.as_bytes().to_vec(),
        },
    }
}

fn append(stream: &str, expected: Expected, events: Vec<NewEvent>) -> Append {
    Append {
        stream: StreamId::from(stream),
        expected,
        events,
        metadata: Metadata::default(),
    }
}

/// Appends events with these texts to a stream in whatever version.
async fn happen(store: &impl EventStore, stream: &str, texts: &[&str]) {
    let events = texts.iter().map(|text| event(text)).collect();
    let appended = store.append(append(stream, Expected::Any, events)).await;
    appended.expect("events can be appended to a stream in any version");
}

/// The texts of events.
fn texts(events: &[crate::eventstore::store::RecordedEvent]) -> Vec<String> {
    let texts = events.iter();
    texts
        .map(|event| String::from_utf8_lossy(&event.payload.bytes).into_owned())
        .collect()
}
