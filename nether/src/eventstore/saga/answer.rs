//! [`SagaAnswer`]: what the command that started a saga is answered with; [`OwedAnswers`]: those that are
//! written down, and not in the store as events yet.
//!
//! An answer is a document first, which is written in the transaction that ends its saga. Then it becomes an
//! event in the stream of the saga, for which callers wait, whatever their process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::eventstore::backend::{
    Append, DocumentChange, Encoding, EventId, Expected, Metadata, NewEvent, Payload,
    RecordedEvent, StoreError, StreamId,
};
use crate::eventstore::clock;
use crate::eventstore::digest::id_of;
use crate::eventstore::origin::SagaOrigin;
use crate::eventstore::store::Store;

/// The name of the events that are answers.
pub(super) const ANSWERED: &str = "nether.saga_answered";

/// What a command that started a saga is answered with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SagaAnswer {
    Reply(Box<RawValue>),
    Error(Box<RawValue>),
    /// None could be made, for this reason: it is made by code of the user's.
    Unmade {
        reason: String,
        /// Whether the saga has failed, or did not begin; otherwise it has ended well.
        has_failed: bool,
    },
}

impl SagaAnswer {
    /// From the event that it is in.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if it cannot be read.
    pub(super) fn read(event: &RecordedEvent) -> Result<Self, StoreError> {
        serde_json::from_slice(&event.payload.bytes)
            .map_err(|error| unreadable(&event.stream, &error))
    }
}

/// The error for an answer that cannot be read.
pub(super) fn unreadable(stream: &StreamId, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Codec {
        what: format!("the answer of the saga `{stream}` cannot be read"),
        reason: error.to_string(),
    }
}

/// The id of the answer to a command, of which this is the event.
pub(super) fn answer_to(command: EventId) -> EventId {
    id_of(&[b"nether.saga_answer", &command.as_u128().to_be_bytes()])
}

/// The collection of the answers of the sagas of that name.
pub(super) fn answers_of(saga: &str) -> String {
    format!("saga_answer/{saga}")
}

/// An answer that is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OwedAnswer {
    /// The key of the saga.
    key: Arc<str>,
    answer: SagaAnswer,
    #[serde(default, skip_serializing_if = "SagaOrigin::is_unknown")]
    origin: SagaOrigin,
}

/// The answers of the sagas of one type that are not in the store as events yet, by the events of their
/// commands.
pub(super) struct OwedAnswers {
    saga: &'static str,
    collection: Arc<str>,
    owed: BTreeMap<EventId, OwedAnswer>,
    /// Those that differ from what is in the store.
    changed: BTreeSet<EventId>,
}

impl OwedAnswers {
    pub(super) fn none(saga: &'static str) -> Self {
        OwedAnswers {
            saga,
            collection: answers_of(saga).into(),
            owed: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Loads those in the store.
    ///
    /// # Errors
    /// [`StoreError::Codec`] if one of them makes no sense; or why they could not be read.
    pub(super) async fn load(store: &Store, saga: &'static str) -> Result<Self, StoreError> {
        let mut answers = OwedAnswers::none(saga);
        for (document, content) in store.documents(&answers.collection).await? {
            let id = u128::from_str_radix(&document, 16).ok();
            let read = serde_json::from_slice(&content).map_err(|error| error.to_string());
            let id = id.ok_or_else(|| "its name is not the id of an event".to_owned());
            let (id, owed) = id
                .and_then(|id| Ok((id, read?)))
                .map_err(|error| unreadable(&StreamId::new(saga, &document), &error))?;
            answers.owed.insert(EventId::from_u128(id), owed);
        }
        Ok(answers)
    }

    /// Notes what a command is to be answered with.
    pub(super) fn owe(
        &mut self,
        command: EventId,
        key: &Arc<str>,
        origin: SagaOrigin,
        answer: SagaAnswer,
    ) {
        let owed = OwedAnswer {
            key: Arc::clone(key),
            answer,
            origin,
        };
        self.owed.insert(command, owed);
        self.changed.insert(command);
    }

    /// Whether one is for that command.
    pub(super) fn has(&self, command: EventId) -> bool {
        self.owed.contains_key(&command)
    }

    /// The changes that bring the store to the state in memory.
    pub(super) fn changes(&self) -> impl Iterator<Item = DocumentChange> {
        self.changed.iter().map(|id| {
            let written = |it| serde_json::to_vec(it).expect("it is made of JSON and texts");
            DocumentChange {
                collection: Arc::clone(&self.collection),
                key: format!("{:032x}", id.as_u128()).into(),
                content: self.owed.get(id).map(written),
            }
        })
    }

    /// Notes that the store has the state in memory.
    pub(super) fn saved(&mut self) {
        self.changed.clear();
    }

    /// The event of the first of them, and the command that it answers.
    pub(super) fn first(&self) -> Option<(EventId, Append)> {
        let (command, owed) = self.owed.first_key_value()?;
        let bytes = serde_json::to_vec(&owed.answer).expect("it is made of JSON and texts");
        let event = NewEvent {
            id: answer_to(*command),
            name: ANSWERED.into(),
            schema_version: 1,
            payload: Payload {
                encoding: Encoding::Json,
                bytes,
            },
        };
        let append = Append {
            stream: StreamId::new(self.saga, &owed.key),
            expected: Expected::Any,
            events: vec![event],
            metadata: Metadata {
                time: clock::now(),
                correlation: owed.origin.correlation.clone(),
                causation: Some(command.to_string().into()),
                principal: owed.origin.principal.clone(),
                ..Metadata::default()
            },
            conditions: Vec::new(),
        };
        Some((*command, append))
    }

    /// Notes that an answer is in the store as an event. Its document is removed with what is saved next:
    /// until then, writing the event again would change nothing.
    pub(super) fn settle(&mut self, command: EventId) {
        self.owed.remove(&command);
        self.changed.insert(command);
    }
}
