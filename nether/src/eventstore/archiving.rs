//! [`Store::archive`]: the content of a stream leaves the store, and [`StreamArchived`] says so.

use nether_macros::event;

use crate::eventstore::archived;
use crate::eventstore::backend::{
    Append, Archival, DocumentChange, Encoding, EventId, EventStore, Expected, Metadata, PAGE,
    Position, StoreError, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::digest::id_of;
use crate::eventstore::saga::{is_not_over, none_under_way, under_way};
use crate::eventstore::snapshot::snapshots_of;
use crate::eventstore::store::Store;
use crate::eventstore::stored;
use crate::eventstore::stream_copy::{CopiedEvent, StreamCopy};

/// The streams that the framework keeps for itself.
const OWN: &str = "nether";

/// A stream was archived: the record of [`Store::archive`], as the last event of that stream. A projection
/// that has stored what was in the stream may handle it, and remove or mark that.
#[event(__framework, name = "nether.stream_archived")]
pub struct StreamArchived {
    /// The stream.
    pub stream: String,
    /// How many events were in it, whose content is gone.
    pub events: u64,
    /// The [hash](StreamCopy::sha256) of the copy that was made of it.
    pub sha256: String,
    /// The person who has archived it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Store {
    /// Archives a stream of which a copy is kept elsewhere: for what has ended, such as a closed account. The
    /// content of its events is removed, and no byte of it is left in the store; so is its snapshot. The
    /// events keep their places, ids, names and metadata. The stream is closed for good: commands to its
    /// aggregate, queries and appends return [`StoreError::Archived`]. Who did it, and why, is stored as
    /// [`StreamArchived`], the last event of the stream, whose position is returned.
    ///
    /// ```
    /// use nether::eventstore::{Store, StoreError};
    /// use nether::prelude::*;
    ///
    /// #[event(name = "order.shipped")]
    /// pub struct Shipped { pub to: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let store = Store::memory();
    /// store.append_events("order/7", [Shipped { to: "Bern".into() }]).await?;
    /// let copy = store.copy_of("order/7").await?;
    /// let kept = serde_json::to_string(&copy)?; // To be written to a file or a bucket.
    /// store.archive(&copy, "olga", "older than ten years").await?;
    ///
    /// let more = store.append_events("order/7", [Shipped { to: "Chur".into() }]).await;
    /// assert!(matches!(more, Err(StoreError::Archived { .. })));
    /// let events = store.read_copy(&serde_json::from_str(&kept)?).await?;
    /// assert_eq!(events[0].read::<Shipped>()?.to, "Bern");
    /// # Ok(()) }
    /// ```
    ///
    /// It is not undone. When it is called again with the same copy, it does what is left to do, and returns
    /// the same position. Projections and sagas are shown no event of the stream any more, also when they are
    /// rebuilt or behind: wait until they have come as far as [the copy](StreamCopy::position). Backups from
    /// before still have the content, and so may tables of projections, and for a while the memory of
    /// processes, out of which nothing is answered.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the stream has grown since it was copied; [`StoreError::NotArchived`] if
    /// the copy is not of what is in the stream, a saga that began in it is under way, it has no events, or
    /// it is the framework's own; [`StoreError::Archived`] if it was archived with another copy;
    /// [`StoreError::Corrupt`] if the copy is damaged or was changed; [`StoreError::Locked`] if the content
    /// is removed, but a reader keeps it in the store's log: call it again; [`StoreError::Unsupported`] if
    /// the store cannot archive.
    pub async fn archive(
        &self,
        copy: &StreamCopy,
        by: &str,
        reason: &str,
    ) -> Result<Position, StoreError> {
        copy.check()?;
        let mut archival = archival(copy, by, reason)?;
        if !self.is_archived_as(copy).await? {
            self.check_archival(copy).await?;
            archival.record.conditions = none_under_way(copy.stream());
        }
        let (store, stream) = (self.clone(), copy.stream().clone());
        // A task of its own: it is done to its end, also if the caller stops waiting.
        let archiving = tokio::spawn(async move { EventStore::archive(&*store, archival).await });
        let archived = archiving.await.unwrap_or(Err(StoreError::Closed));
        match archived {
            Ok(appended) => Ok(appended.position),
            Err(StoreError::PreconditionFailed { .. }) => {
                let reason = under_way(&stream);
                Err(StoreError::NotArchived { stream, reason })
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the stream was archived with that copy.
    ///
    /// # Errors
    /// Why the store could not be asked.
    async fn is_archived_as(&self, copy: &StreamCopy) -> Result<bool, StoreError> {
        let found = self.find(record_id(copy)).await?;
        Ok(found.is_some_and(|it| it.stream == *copy.stream()))
    }

    /// Checks that a stream may be archived, and that the copy has all of it.
    ///
    /// # Errors
    /// Why not.
    async fn check_archival(&self, copy: &StreamCopy) -> Result<(), StoreError> {
        let stream = copy.stream();
        let refused = |reason: String| StoreError::NotArchived {
            stream: stream.clone(),
            reason,
        };
        if stream.category() == OWN {
            let reason = "it is the framework's own, and needed".to_owned();
            return Err(refused(reason));
        }
        if copy.events().is_empty() {
            return Err(refused("the copy of it has no events".to_owned()));
        }
        self.compare(copy).await?;
        match is_not_over(self, stream, copy.events()).await? {
            Some(reason) => Err(refused(reason)),
            None => Ok(()),
        }
    }

    /// Compares a copy with what is in the store.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the stream has grown; [`StoreError::NotArchived`] if it differs otherwise.
    async fn compare(&self, copy: &StreamCopy) -> Result<(), StoreError> {
        let (stream, expected) = (copy.stream(), copy.version());
        let mut copied = copy.events().iter();
        let mut actual = 0;
        loop {
            let page = self
                .raw()
                .read_stream_page(stream, actual + 1, PAGE)
                .await?;
            archived::check(self, &page.events).await?;
            for event in page.events {
                actual = event.stream_version;
                if copied
                    .next()
                    .is_some_and(|it| CopiedEvent::of(event).ok().as_ref() != Some(it))
                {
                    let reason = format!(
                        "the event in version {actual} is not the one that was copied, because it was redacted since, or the copy is of another store: copy the stream again"
                    );
                    let stream = stream.clone();
                    return Err(StoreError::NotArchived { stream, reason });
                }
            }
            if page.is_last {
                break;
            }
        }
        match actual == expected {
            true => Ok(()),
            false => Err(StoreError::Conflict {
                stream: stream.clone(),
                expected,
                actual,
            }),
        }
    }
}

/// The id of the record, which is the same for the same copy.
fn record_id(copy: &StreamCopy) -> EventId {
    let stream = copy.stream().as_str();
    id_of(&[
        archived::RECORD.as_bytes(),
        stream.as_bytes(),
        copy.sha256().as_bytes(),
    ])
}

fn archival(copy: &StreamCopy, by: &str, reason: &str) -> Result<Archival, StoreError> {
    let (stream, time) = (copy.stream(), clock::now());
    let record = StreamArchived {
        stream: stream.to_string(),
        events: copy.version(),
        sha256: copy.sha256().to_owned(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    let mut record = stored::new_event(&record, Encoding::Json)?;
    record.id = record_id(copy);
    Ok(Archival {
        record: Append {
            stream: stream.clone(),
            expected: Expected::Version(copy.version()),
            events: vec![record],
            metadata: Metadata {
                time,
                ..Metadata::default()
            },
            conditions: Vec::new(),
        },
        changes: vec![no_snapshot(stream), archived::mark(stream)],
    })
}

fn no_snapshot(stream: &StreamId) -> DocumentChange {
    DocumentChange {
        collection: snapshots_of(stream.category()).into(),
        key: stream.key().into(),
        content: None,
    }
}
