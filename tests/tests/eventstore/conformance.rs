//! Every store does what a store has to do; and the suite that says so bites.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nether::eventstore::{
    Append, Appended, Archival, DocumentChange, DocumentCondition, EventId, EventPage, EventStore,
    Expected, MemoryStore, MetadataEntries, PageLimit, Position, RecordedEvent, StoreError,
    StoreFuture, conformance,
};
use nether_sqlite::{Durability, SqliteStore};
use nether_tests::Folder;

use crate::forward::forward;

#[tokio::test]
async fn a_store_in_memory_conforms() {
    conformance::check(async || MemoryStore::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_sqlite_conforms() {
    let folder = Folder::new("conforms");
    let count = AtomicU64::new(0);
    conformance::check(async || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let options = SqliteStore::options().durability(Durability::Normal);
        options.open(folder.0.join(format!("{number}.db"))).unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_store_of_sqlite_that_others_share_conforms() {
    let folder = Folder::new("shared");
    let count = AtomicU64::new(0);
    conformance::check(async || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let options = SqliteStore::options().shared(true);
        let options = options.durability(Durability::Normal).max_batch(3);
        options.open(folder.0.join(format!("{number}.db"))).unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_store_of_sqlite_keeps_what_it_was_given() {
    let folder = Folder::new("reopened");
    conformance::check_reopened(async || SqliteStore::open(folder.0.join("store.db")).unwrap())
        .await;
}

#[tokio::test]
#[should_panic(expected = "is there when the store is opened again")]
async fn a_store_that_forgets_is_found_out() {
    conformance::check_reopened(async || MemoryStore::default()).await;
}

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    ExpectsNothing,
    WritesTwice,
    NotifiesTooEarly,
    LosesTheLast,
    LosesAWakeUp,
    KnowsAnOldHead,
    SkipsAPosition,
    IgnoresBytes,
    HasWriteSkew,
    AppendsTheRest,
    DropsWhatComesTwice,
    ForgetsEntries,
    KeepsWhatIsArchived,
    TakesMoreWhenArchived,
}

/// A store that does something wrong.
struct Mistaken(Arc<MemoryStore>, Wrong);

impl EventStore for Mistaken {
    forward!(self => self.0; read_stream find document documents);

    fn append(&self, mut append: Append) -> StoreFuture<'_, Appended> {
        if self.1 == Wrong::ExpectsNothing {
            append.expected = Expected::Any;
        }
        if self.1 == Wrong::ForgetsEntries {
            append.metadata.entries = MetadataEntries::default();
        }
        Box::pin(async move {
            if self.1 == Wrong::AppendsTheRest {
                let mut rest = Vec::new();
                for event in &append.events {
                    if self.0.find(event.id).await?.is_none() {
                        rest.push(event.clone());
                    }
                }
                if rest.len() < append.events.len() && !rest.is_empty() {
                    append.events = rest;
                    append.expected = Expected::Any;
                }
            }
            let first = append.events.first().map(|first| first.id);
            if self.1 == Wrong::DropsWhatComesTwice
                && let Some(first) = first
                && self.0.find(first).await?.is_none()
            {
                let mut ids = HashSet::new();
                append.events.retain(|event| ids.insert(event.id));
            }
            if self.1 == Wrong::WritesTwice
                && let Some(first) = first
                && self.0.find(first).await?.is_some()
            {
                append.expected = Expected::Any;
                append
                    .events
                    .iter_mut()
                    .for_each(|it| it.id = EventId::new());
            }
            match self.0.append(append).await {
                Err(StoreError::Archived { .. }) if self.1 == Wrong::TakesMoreWhenArchived => {
                    Ok(Appended {
                        version: 1,
                        position: self.0.head().await?,
                        is_repeated: false,
                    })
                }
                appended => appended,
            }
        })
    }

    fn archive(&self, archival: Archival) -> StoreFuture<'_, Appended> {
        match self.1 {
            Wrong::KeepsWhatIsArchived => self.0.append(archival.record),
            _ => self.0.archive(archival),
        }
    }

    fn can_archive(&self) -> bool {
        [Wrong::KeepsWhatIsArchived, Wrong::TakesMoreWhenArchived].contains(&self.1)
    }

    fn read_all(&self, after: Position, limit: usize) -> StoreFuture<'_, Vec<RecordedEvent>> {
        let read = self.0.read_all(after, limit);
        Box::pin(async move {
            let mut events = read.await?;
            if self.1 == Wrong::LosesTheLast && events.len() > 3 {
                events.pop();
            }
            if self.1 == Wrong::SkipsAPosition {
                let later = events.iter_mut().filter(|it| it.position > Position(2));
                later.for_each(|it| it.position.0 += 1);
            }
            Ok(events)
        })
    }

    fn read_all_page(&self, after: Position, mut limit: PageLimit) -> StoreFuture<'_, EventPage> {
        if self.1 == Wrong::IgnoresBytes {
            limit.bytes = usize::MAX;
        }
        self.0.read_all_page(after, limit)
    }

    fn head(&self) -> StoreFuture<'_, Position> {
        let head = self.0.head();
        let missing = u64::from(self.1 == Wrong::KnowsAnOldHead);
        Box::pin(async move { Ok(Position(head.await?.0.saturating_sub(missing))) })
    }

    fn wait_for_new(&self, after: Position) -> StoreFuture<'_, Position> {
        match self.1 {
            Wrong::NotifiesTooEarly => self.0.head(),
            Wrong::LosesAWakeUp => Box::pin(async move {
                let head = self.0.head().await?;
                if head > after {
                    return Ok(head);
                }
                tokio::task::yield_now().await;
                // What was appended since it has looked is nothing it waits for.
                self.0.wait_for_new(self.0.head().await?).await
            }),
            _ => self.0.wait_for_new(after),
        }
    }

    fn change_documents(
        &self,
        changes: Vec<DocumentChange>,
        conditions: Vec<DocumentCondition>,
    ) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut conditions = conditions;
            if self.1 == Wrong::HasWriteSkew {
                // As with snapshot isolation: what is not written itself is looked at only once, and early.
                let early = self.0.change_documents(Vec::new(), conditions.clone());
                early.await?;
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                let is_written = |condition: &DocumentCondition| {
                    let mut changes = changes.iter();
                    changes.any(|it| {
                        (&it.collection, &it.key) == (&condition.collection, &condition.key)
                    })
                };
                conditions.retain(is_written);
            }
            self.0.change_documents(changes, conditions).await
        })
    }

    fn is_shared(&self) -> bool {
        self.0.is_shared()
    }
}

async fn check(wrong: Wrong) {
    conformance::check(async || Mistaken(Arc::default(), wrong)).await;
}

#[tokio::test]
#[should_panic(expected = "is a conflict")]
async fn a_store_that_expects_nothing_is_found_out() {
    check(Wrong::ExpectsNothing).await;
}

#[tokio::test]
#[should_panic(expected = "it was there already")]
async fn a_store_that_writes_twice_is_found_out() {
    check(Wrong::WritesTwice).await;
}

#[tokio::test]
#[should_panic(expected = "there is nothing new yet")]
async fn a_store_that_notifies_too_early_is_found_out() {
    check(Wrong::NotifiesTooEarly).await;
}

#[tokio::test]
#[should_panic(expected = "all events, in order")]
async fn a_store_that_loses_events_is_found_out() {
    check(Wrong::LosesTheLast).await;
}

// The time is paused, so that the test does not wait for as long as the suite would.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "wakes each caller")]
async fn a_store_that_loses_a_wake_up_is_found_out() {
    check(Wrong::LosesAWakeUp).await;
}

#[tokio::test]
#[should_panic(expected = "the head is the position of the newest event")]
async fn a_store_that_knows_an_old_head_is_found_out() {
    check(Wrong::KnowsAnOldHead).await;
}

#[tokio::test]
#[should_panic(expected = "positions count from 1 without gaps")]
async fn a_store_that_skips_a_position_is_found_out() {
    check(Wrong::SkipsAPosition).await;
}

#[tokio::test]
#[should_panic(expected = "a condition holds until the changes are made")]
async fn a_store_that_checks_conditions_too_early_is_found_out() {
    check(Wrong::HasWriteSkew).await;
}

#[tokio::test]
#[should_panic(expected = "ends with the event that reaches its bytes")]
async fn a_store_that_ignores_the_bytes_of_a_page_is_found_out() {
    check(Wrong::IgnoresBytes).await;
}

#[tokio::test]
#[should_panic(expected = "an append of which a part is stored is refused as that")]
async fn a_store_that_appends_the_rest_is_found_out() {
    check(Wrong::AppendsTheRest).await;
}

#[tokio::test]
#[should_panic(expected = "two events of one append have ids of their own")]
async fn a_store_that_drops_what_comes_twice_is_found_out() {
    check(Wrong::DropsWhatComesTwice).await;
}

#[tokio::test]
#[should_panic(expected = "what else is known of it")]
async fn a_store_that_forgets_entries_is_found_out() {
    check(Wrong::ForgetsEntries).await;
}

#[tokio::test]
#[should_panic(expected = "the content of an archived stream is gone")]
async fn a_store_that_keeps_what_is_archived_is_found_out() {
    check(Wrong::KeepsWhatIsArchived).await;
}

#[tokio::test]
#[should_panic(expected = "an append to an archived stream is refused")]
async fn a_store_that_takes_more_when_it_is_archived_is_found_out() {
    check(Wrong::TakesMoreWhenArchived).await;
}
