//! [`Store::redact`]: other content takes the place of an event's, and [`EventRedacted`] says so.

use std::sync::atomic::Ordering;

use nether_macros::event;

use crate::eventstore::archived;
use crate::eventstore::backend::{
    Append, Encoding, EventStore, Expected, Metadata, Position, RecordedEvent, Redaction,
    StoreError, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::digest::id_of;
use crate::eventstore::snapshot::snapshots_of;
use crate::eventstore::store::Store;
use crate::eventstore::stored::{self, StoredEvent};

/// The stream of the records.
const STREAM: &str = "nether/redacted";

/// The content of an event was replaced: the record of [`Store::redact`], as an event in the store. A
/// projection that has stored what was in the event handles it, and removes that.
#[event(__framework, name = "nether.event_redacted")]
pub struct EventRedacted {
    /// Where the event is.
    pub position: u64,
    /// Its stream.
    pub stream: String,
    /// Its name.
    pub event: String,
    /// The person who has replaced the content.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Store {
    /// Replaces the content of a stored event: for plain personal data, or a secret, that should never have
    /// been stored. The event keeps its place, id, name and metadata, and no byte of the former content is
    /// left in the store. The snapshot of its stream is removed, and what this process has in memory of
    /// aggregates and sagas is read again. Who did it, and why, is stored as [`EventRedacted`], whose
    /// position is returned: a projection that has come so far has handled it.
    ///
    /// ```
    /// use nether::eventstore::{Position, Store};
    /// use nether::prelude::*;
    ///
    /// #[event(name = "ticket.commented")]
    /// pub struct Commented { pub text: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let store = Store::memory();
    /// store.append_events("ticket/7", [Commented { text: "my password is 1234".into() }]).await?;
    /// let redacted = Commented { text: "(removed)".into() };
    /// store.redact(Position(1), redacted, "olga", "a password").await?;
    /// let event = &store.read_all(Position::START, 1).await?[0];
    /// assert_eq!(event.read::<Commented>()?.text, "(removed)");
    /// # Ok(()) }
    /// ```
    ///
    /// It is not undone, and changes what an aggregate is made of: replace nothing that its state depends on.
    /// Backups from before still have the former content, and so may states of sagas, answers that sagas have
    /// given, stored answers of `Idempotency-Key`, and tables of projections. Other processes that share the
    /// store may have it in memory, and their snapshots may write it back: stop them before, or redact again
    /// once they were restarted. The command that started a saga, and its answer, cannot be redacted: put
    /// what is personal in them into `Personal`.
    ///
    /// # Errors
    /// [`StoreError::NoEvent`] if there is none at the position; [`StoreError::Codec`] if it has another
    /// name, or the new content cannot be stored; [`StoreError::Archived`] if its stream is archived, so that
    /// the content is gone already; [`StoreError::Locked`] if the content is replaced, but a
    /// reader keeps the former one in the store's log: call it again; [`StoreError::Unsupported`] if the
    /// store cannot replace content.
    pub async fn redact<E: StoredEvent>(
        &self,
        position: Position,
        event: E,
        by: &str,
        reason: &str,
    ) -> Result<Position, StoreError> {
        let new = stored::new_event(&event, self.settings().encoding)?;
        let found = self.event_at(position).await?;
        if found.is_archived() {
            return Err(archived::error(self, &found.stream).await?);
        }
        if *found.name != *new.name {
            return Err(StoreError::Codec {
                what: format!("the event at position {position} cannot be redacted"),
                reason: format!(
                    "it is a `{}`, and the new content is of a `{}`",
                    found.name, new.name
                ),
            });
        }
        let record = record(&found, by, reason)?;
        let category = found.stream.as_str().split_once('/');
        let documents = category.map(|(category, key)| (snapshots_of(category).into(), key.into()));
        let redaction = Redaction {
            position,
            id: found.id,
            schema_version: new.schema_version,
            payload: new.payload,
            documents: documents.into_iter().collect(),
            record,
        };
        let store = self.clone();
        // A task of its own: it is done to its end, also if the caller stops waiting.
        let redacting = tokio::spawn(async move { store.redact_whole(redaction).await });
        redacting.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn redact_whole(&self, redaction: Redaction) -> Result<Position, StoreError> {
        let _past = self.past.write().await;
        // Before, so that no snapshot is written of what was read earlier; and after, whatever came of it, so
        // that what was read meanwhile is read again.
        self.erasures.fetch_add(1, Ordering::Release);
        let redacted = EventStore::redact(&**self, redaction).await;
        self.erasures.fetch_add(1, Ordering::Release);
        Ok(redacted?.position)
    }

    async fn event_at(&self, position: Position) -> Result<RecordedEvent, StoreError> {
        let before = Position(position.0.saturating_sub(1));
        let found = self.read_all(before, 1).await?.pop();
        found
            .filter(|event| event.position == position)
            .ok_or(StoreError::NoEvent { position, id: None })
    }
}

/// The record, which is the same for the same event, person and reason.
fn record(event: &RecordedEvent, by: &str, reason: &str) -> Result<Append, StoreError> {
    let redacted = EventRedacted {
        position: event.position.0,
        stream: event.stream.to_string(),
        event: event.name.to_string(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    let mut new = stored::new_event(&redacted, Encoding::Json)?;
    let id = event.id.as_u128().to_be_bytes();
    new.id = id_of(&[
        b"nether.event_redacted",
        &id,
        by.as_bytes(),
        reason.as_bytes(),
    ]);
    Ok(Append {
        stream: StreamId::from(STREAM),
        expected: Expected::Any,
        events: vec![new],
        metadata: Metadata {
            time: clock::now(),
            ..Metadata::default()
        },
        conditions: Vec::new(),
    })
}
