//! A subject is forgotten: [`Store::forget`], and [`SubjectForgotten`], by which the program learns of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nether_macros::event;

use crate::eventstore::backend::{
    Append, Encoding, EventStore, Expected, Metadata, PAGE, Position, StoreError, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::digest::id_of;
use crate::eventstore::personal::keys::SubjectKeys;
use crate::eventstore::store::Store;
use crate::eventstore::stored;

/// The stream of all subjects that are forgotten.
const STREAM: &str = "nether/forgotten";

/// A subject was forgotten: its personal values are read as forgotten from now on. It is an event in the
/// store: a projection that has written personal values into tables handles it, and removes them.
#[event(__framework, name = "nether.subject_forgotten")]
pub struct SubjectForgotten {
    /// Whom the values were about.
    pub subject: String,
}

impl Store {
    /// The store with keys to encrypt [`Personal`](crate::eventstore::Personal) values with. A store without
    /// keys refuses these.
    ///
    /// ```
    /// use nether::eventstore::{MemoryKeys, Store};
    ///
    /// let store = Store::memory().subject_keys(MemoryKeys::default());
    /// # drop(store);
    /// ```
    #[must_use]
    pub fn subject_keys(self, keys: impl SubjectKeys) -> Self {
        self.with_keys(Arc::new(keys))
    }

    /// Forgets a subject, for good: its key is destroyed, so that its [`Personal`](crate::eventstore::Personal)
    /// values are read as forgotten, wherever they were stored: in events, snapshots, states of sagas, and in
    /// every backup of the store. New events with values about it are refused. What this process has in memory
    /// of aggregates and sagas is read again. Returns the position of the event
    /// [`SubjectForgotten`]: a projection that has come so far has handled it.
    ///
    /// When it is called again, it does what is left to do, and returns the same position.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if the store has no keys; or why the key could not be destroyed, or the event not
    /// be stored. Call it again then: the key may be destroyed already.
    pub async fn forget(&self, subject: impl Into<String>) -> Result<Position, StoreError> {
        let subject = subject.into();
        let keys = self.personal.keys().await?;
        let keys = keys.ok_or_else(|| StoreError::Codec {
            what: format!("`{subject}` cannot be forgotten"),
            reason: "the store has no keys: give it those with which it was written, `Store::new(..).subject_keys(..)`".to_owned(),
        })?;
        keys.forget(subject.as_str().into()).await?;
        self.forgets.fetch_add(1, Ordering::Release);
        Ok(self.append(forgotten(&subject)?).await?.position)
    }
}

/// What says in the store that a subject is forgotten: once, however often it is appended.
fn forgotten(subject: &str) -> Result<Append, StoreError> {
    let event = SubjectForgotten {
        subject: subject.to_owned(),
    };
    let mut event = stored::new_event(&event, Encoding::Json)?;
    event.id = id_of(&[b"nether.subject_forgotten", subject.as_bytes()]);
    Ok(Append {
        stream: STREAM.into(),
        expected: Expected::Any,
        events: vec![event],
        metadata: Metadata {
            time: clock::now(),
            ..Metadata::default()
        },
        conditions: Vec::new(),
    })
}

/// Has the store and its keys agree on who is forgotten: one of them may come from a backup of before.
pub(super) async fn agree(
    backend: &dyn EventStore,
    keys: &dyn SubjectKeys,
) -> Result<(), StoreError> {
    let stream = StreamId::from(STREAM);
    let mut by_keys: HashSet<_> = keys.forgotten().await?.into_iter().collect();
    let mut from = 1;
    loop {
        let page = backend.read_stream_page(&stream, from, PAGE).await?;
        for event in &page.events {
            let SubjectForgotten { subject } = stored::decode(event)?;
            if !by_keys.remove(&*subject) {
                keys.forget(subject.into()).await?;
            }
            from = event.stream_version + 1;
        }
        if page.is_last {
            break;
        }
    }
    // Projections that are as old as the store have to learn of it again.
    for subject in by_keys {
        backend.append(forgotten(&subject)?).await?;
    }
    Ok(())
}
