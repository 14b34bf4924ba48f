//! What every [`EventStore`] has to do, as a test: for authors of backends.
//!
//! ```
//! use nether::eventstore::{MemoryStore, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! conformance::check(async || MemoryStore::default()).await;
//! # }
//! ```

mod appending;
mod archiving;
mod documents;
mod dropping;
mod following;
mod leases;
mod reading;
mod redacting;
mod reopening;
mod together;
mod transactions;

pub use self::transactions::TransactionalCounter;

use std::sync::Arc;
use std::time::Duration;

use crate::eventstore::backend::{
    Append, Encoding, EventId, EventStore, Expected, Metadata, NewEvent, Payload, StreamId,
    TransactionalStore,
};

/// How long a property may take. A store that loses a wake-up would otherwise be waited for without end.
const LIMIT: Duration = Duration::from_secs(120);

/// Checks a backend: each property with a store of its own, which `make` makes, empty. It runs on a runtime
/// of tokio whose time is enabled.
///
/// # Panics
/// If the store does not do what it has to: saying what. Also if nothing comes of one property within two
/// minutes.
pub async fn check<S: EventStore>(make: impl AsyncFn() -> S) {
    within(reading::streams_are_read_in_both_directions(&make().await)).await;
    within(reading::all_events_are_read_in_order(&make().await)).await;
    within(reading::what_was_appended_is_read_back_whole(&make().await)).await;
    within(reading::what_is_acknowledged_is_seen_at_once(&make().await)).await;
    within(appending::versions_have_no_gaps(&make().await)).await;
    within(appending::nothing_makes_no_stream(&make().await)).await;
    within(appending::another_version_than_expected_is_a_conflict(
        &make().await,
    ))
    .await;
    within(appending::nothing_is_appended_in_part(&make().await)).await;
    within(appending::an_append_is_idempotent(&make().await)).await;
    within(appending::a_repetition_is_the_whole_append_in_its_place(
        &make().await,
    ))
    .await;
    within(appending::one_of_many_wins_each_version(Arc::new(
        make().await,
    )))
    .await;
    within(following::positions_have_no_gaps_while_many_append(
        Arc::new(make().await),
    ))
    .await;
    within(following::wait_for_new_waits_for_what_is_new(Arc::new(
        make().await,
    )))
    .await;
    within(
        following::no_waiter_misses_what_is_appended_as_it_begins_to_wait(Arc::new(make().await)),
    )
    .await;
    within(following::a_follower_sees_each_event_once(Arc::new(
        make().await,
    )))
    .await;
    within(documents::documents_are_kept_listed_and_removed(
        &make().await,
    ))
    .await;
    within(documents::collections_that_have_documents_are_listed(
        &make().await,
    ))
    .await;
    within(documents::documents_change_together(Arc::new(make().await))).await;
    within(documents::documents_change_if_all_conditions_hold(
        &make().await,
    ))
    .await;
    within(documents::one_of_many_changes_what_all_have_seen(Arc::new(
        make().await,
    )))
    .await;
    within(documents::of_two_that_undo_each_others_conditions_one_changes(Arc::new(make().await)))
        .await;
    within(appending::an_append_is_made_if_its_conditions_hold(
        &make().await,
    ))
    .await;
    within(reading::pages_leave_nothing_out(&make().await)).await;
    within(appending::nothing_of_many_writers_is_lost(Arc::new(
        make().await,
    )))
    .await;
    within(leases::who_has_lost_a_lease_writes_nothing(&make().await)).await;
    within(leases::of_two_runners_one_holds_each_epoch(Arc::new(
        make().await,
    )))
    .await;
    within(dropping::what_is_dropped_is_done_whole_or_not_at_all(
        &make().await,
    ))
    .await;
    check_together(&make).await;
    check_redactions(&make).await;
    check_archivals(&make).await;
}

/// Checks redactions, if the store can make them.
async fn check_redactions<S: EventStore>(make: &impl AsyncFn() -> S) {
    let store = make().await;
    if !store.can_redact() {
        return within(redacting::a_store_that_cannot_says_so(&store)).await;
    }
    within(redacting::content_is_replaced_in_its_place(&store)).await;
    within(redacting::what_is_not_there_is_not_replaced(&make().await)).await;
}

/// Checks that streams are archived, if the store can do that.
async fn check_archivals<S: EventStore>(make: &impl AsyncFn() -> S) {
    let store = make().await;
    if !store.can_archive() {
        return within(archiving::a_store_that_cannot_says_so(&store)).await;
    }
    within(archiving::content_is_removed_and_all_else_stays(&store)).await;
    within(archiving::an_archived_stream_takes_no_event(&make().await)).await;
    within(archiving::what_has_changed_is_not_archived(&make().await)).await;
    within(
        archiving::of_those_that_append_meanwhile_each_is_archived_or_refused(Arc::new(
            make().await,
        )),
    )
    .await;
}

/// Checks appends to several streams, if the store can make them.
async fn check_together<S: EventStore>(make: &impl AsyncFn() -> S) {
    let store = make().await;
    if !store.can_append_all() {
        return within(together::a_store_that_cannot_says_so(&store)).await;
    }
    within(together::several_streams_are_written_together(&store)).await;
    within(together::one_conflict_refuses_all(&make().await)).await;
    within(together::several_looks_are_one(&make().await)).await;
    within(together::all_are_repeated_or_none(&make().await)).await;
    within(together::streams_and_ids_come_once(&make().await)).await;
    within(together::all_are_made_if_every_condition_holds(
        &make().await,
    ))
    .await;
    within(together::many_pairs_are_written_whole(Arc::new(
        make().await,
    )))
    .await;
    within(together::a_pair_that_is_dropped_is_whole_or_not_there(
        &make().await,
    ))
    .await;
}

/// Checks that a backend keeps what it was given: `open` opens the same store again and again, empty at
/// first, and each time after the one before was dropped. For stores that outlive a process.
///
/// # Panics
/// If something is not there any more, or is written twice, when the store is opened again: saying what. Also
/// if nothing comes of it within two minutes.
pub async fn check_reopened<S: EventStore>(open: impl AsyncFn() -> S) {
    within(reopening::what_was_written_is_there_when_it_is_opened_again(&open)).await;
    within(dropping::what_is_cut_off_is_whole_when_it_is_opened_again(
        &open,
    ))
    .await;
    if open().await.can_archive() {
        within(archiving::what_is_archived_stays_so_when_it_is_opened_again(&open)).await;
    }
}

/// Checks the transactions of a backend: each property with a store of its own, which `make` makes, empty,
/// and with a number that can be counted up in its transactions. It runs on a runtime of tokio whose time is
/// enabled.
///
/// # Panics
/// If a transaction is not what it has to be: saying what. Also if nothing comes of one property within two
/// minutes.
pub async fn check_transactional<S, C>(make: impl AsyncFn() -> (S, C))
where
    S: TransactionalStore,
    C: TransactionalCounter<S>,
{
    within(transactions::rows_and_documents_are_committed_together(
        make().await,
    ))
    .await;
    within(transactions::nothing_is_written_by_work_that_fails(
        make().await,
    ))
    .await;
    within(transactions::a_handler_ends_no_transaction(make().await)).await;
    within(transactions::nothing_is_written_if_a_condition_does_not_hold(make().await)).await;
    within(transactions::what_was_committed_is_not_done_again(
        make().await,
    ))
    .await;
    within(transactions::transactions_come_one_after_the_other(
        make().await,
    ))
    .await;
    within(transactions::what_is_dropped_is_committed_whole_or_not_at_all(make().await)).await;
}

async fn within(property: impl Future<Output = ()>) {
    let checked = tokio::time::timeout(LIMIT, property).await;
    assert!(
        checked.is_ok(),
        "the store answers, and wakes each caller that waits for something new: nothing came of it within {LIMIT:?}"
    );
}

/// An event with this text.
fn event(text: &str) -> NewEvent {
    NewEvent {
        id: EventId::new(),
        name: "conformance.happened".into(),
        schema_version: 1,
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
        conditions: Vec::new(),
    }
}

/// Appends events with these texts to a stream in whatever version.
async fn happen(store: &impl EventStore, stream: &str, texts: &[&str]) {
    let events = texts.iter().map(|text| event(text)).collect();
    let appended = store.append(append(stream, Expected::Any, events)).await;
    appended.expect("events can be appended to a stream in any version");
}

/// The texts of events.
fn texts(events: &[crate::eventstore::backend::RecordedEvent]) -> Vec<String> {
    let texts = events.iter();
    texts
        .map(|event| String::from_utf8_lossy(&event.payload.bytes).into_owned())
        .collect()
}
