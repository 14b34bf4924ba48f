//! [`EventSubscription`]: the events of a store in order, those that are there and those that will be.

use std::collections::VecDeque;
use std::fmt;

use crate::eventstore::backend::{
    Append, Appended, Expected, Metadata, PAGE, Position, RecordedEvent, StoreError, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::store::Store;
use crate::eventstore::stored::{self, StoredEvent};

/// The events of a store, from a position on: first those that are there, then those that are appended,
/// without gap and without repetition where the one becomes the other. See [`Store::subscribe`].
pub struct EventSubscription {
    store: Store,
    /// The last stored event that was given, with all that it becomes.
    given: Position,
    /// The last one that was read.
    after: Position,
    /// Read, and not yet given.
    read: VecDeque<RecordedEvent>,
    /// The rest of the events that one stored event becomes: read, and not yet given.
    successors: VecDeque<RecordedEvent>,
}

impl Store {
    /// The events after a position, in the order of the store; [`Position::START`] for all. To continue
    /// later, keep the position of the last event that was handled. Events whose stream is
    /// [archived](Store::archive) are left out.
    ///
    /// ```
    /// use nether::eventstore::{Position, Store};
    /// use nether::prelude::*;
    ///
    /// #[event(name = "lamp.lit")]
    /// pub struct Lit { pub lamp: u32 }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let store = Store::memory();
    /// store.append_events("lamp/7", [Lit { lamp: 7 }]).await?;
    /// let mut events = store.subscribe(Position::START);
    /// let event = events.next().await?;
    /// assert_eq!(event.stream.key(), "7");
    /// assert_eq!(event.read::<Lit>()?.lamp, 7);
    /// # Ok(()) }
    /// ```
    pub fn subscribe(&self, after: Position) -> EventSubscription {
        EventSubscription {
            store: self.clone(),
            given: after,
            after,
            read: VecDeque::new(),
            successors: VecDeque::new(),
        }
    }
}

impl EventSubscription {
    /// The position of the last event that was given; at first, the one that it began after. If one stored
    /// event [`becomes`](macro@crate::event#events-that-become-others) several, which have the same position,
    /// it counts once all of them were given, so that a subscription that continues from here leaves none
    /// out.
    pub fn position(&self) -> Position {
        self.given
    }

    /// The next event; waits for it if there is none yet. Dropped while it waits, nothing is lost. An event
    /// that is retired is given as the events that it becomes.
    ///
    /// # Errors
    /// Why the store could not be read. The next call tries again. [`StoreError::Unknown`] if an event is
    /// retired and cannot be read, or its function returned an error or panicked: each call returns that, and
    /// a subscription from the position that it names leaves the event out.
    pub async fn next(&mut self) -> Result<RecordedEvent, StoreError> {
        loop {
            if let Some(event) = self.successors.pop_front() {
                if self.successors.is_empty() {
                    self.given = event.position;
                }
                return Ok(event);
            }
            if let Some(archived) = self.read.pop_front_if(|it| it.is_archived()) {
                self.given = archived.position;
                continue;
            }
            if let Some(successors) = self.read.front().and_then(stored::successors) {
                self.successors = successors?.into();
                let stored = self.read.pop_front();
                if let Some(stored) = stored.filter(|_| self.successors.is_empty()) {
                    self.given = stored.position;
                }
                continue;
            }
            if let Some(event) = self.read.pop_front() {
                self.given = event.position;
                return Ok(event);
            }
            let page = self.store.read_all_page(self.after, PAGE).await?.events;
            match page.last() {
                Some(last) => {
                    self.after = last.position;
                    self.read = page.into();
                }
                None => {
                    self.store.wait_for_new(self.after).await?;
                }
            }
        }
    }
}

impl RecordedEvent {
    /// The event as its type, also if an older version of the program wrote it.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] if it is of another type, of a newer version, or cannot be read.
    pub fn read<E: StoredEvent>(&self) -> Result<E, StoreError> {
        if *self.name != *E::SCHEMA.name {
            let reason = format!("it is no `{}`", E::SCHEMA.name);
            return Err(stored::unknown(self, reason));
        }
        stored::decode(self)
    }
}

impl fmt::Debug for EventSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSubscription")
            .field("after", &self.after)
            .field("read", &self.read.len())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Appends events to a stream, whatever version it is in: for imports and tests. Aggregates append by
    /// themselves.
    ///
    /// # Errors
    /// If an event cannot be written down, or the store fails.
    pub async fn append_events<E: StoredEvent>(
        &self,
        stream: impl Into<StreamId>,
        events: impl IntoIterator<Item = E>,
    ) -> Result<Appended, StoreError> {
        let stream = stream.into();
        let encoding = self.settings().encoding;
        let new = events
            .into_iter()
            .map(|event| stored::new_event(&event, encoding));
        let events: Result<Vec<_>, _> = new.collect();
        self.append(Append {
            stream,
            expected: Expected::Any,
            events: events?,
            metadata: Metadata {
                time: clock::now(),
                ..Default::default()
            },
            conditions: Vec::new(),
        })
        .await
    }
}
