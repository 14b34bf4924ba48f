//! Where a saga and its commands come from: [`SagaOrigin`] says on whose behalf, [`SagaCause`] because of
//! which event.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::eventstore::backend::{EventId, Position, RecordedEvent};

/// On whose behalf a saga works, and in which unit of work it began: as its first event says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SagaOrigin {
    /// The ID of the principal, without roles and claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) principal: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) correlation: Option<Arc<str>>,
}

impl SagaOrigin {
    /// The origin of a saga which begins with the event.
    pub(super) fn of(event: &RecordedEvent) -> Self {
        SagaOrigin {
            principal: event.metadata.principal.clone(),
            correlation: event.metadata.correlation.clone(),
        }
    }

    /// Whether nothing is known.
    pub(super) fn is_unknown(&self) -> bool {
        *self == SagaOrigin::default()
    }
}

/// The event because of which a saga does something: the one that it was shown, or the one that its time-out
/// counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenCause", into = "WrittenCause")]
pub(super) struct SagaCause {
    pub(super) position: Position,
    /// Not known if the saga was written down by a version that did not keep it.
    pub(super) id: Option<EventId>,
}

impl SagaCause {
    pub(super) fn of(event: &RecordedEvent) -> Self {
        SagaCause {
            position: event.position,
            id: Some(event.id),
        }
    }
}

/// The cause as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenCause {
    Position(Position),
    Event(Position, EventId),
}

impl From<WrittenCause> for SagaCause {
    fn from(written: WrittenCause) -> Self {
        match written {
            WrittenCause::Position(position) => SagaCause { position, id: None },
            WrittenCause::Event(position, id) => SagaCause {
                position,
                id: Some(id),
            },
        }
    }
}

impl From<SagaCause> for WrittenCause {
    fn from(SagaCause { position, id }: SagaCause) -> Self {
        match id {
            None => WrittenCause::Position(position),
            Some(id) => WrittenCause::Event(position, id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SagaCause;
    use crate::eventstore::backend::{EventId, Position};

    #[test]
    fn a_cause_is_read_with_and_without_the_id_of_its_event() {
        let id = EventId::from_u128(7);
        for (id, text) in [
            (None, "3"),
            (Some(id), r#"[3,"00000000-0000-0000-0000-000000000007"]"#),
        ] {
            let position = Position(3);
            let cause = SagaCause { position, id };
            assert_eq!(serde_json::to_string(&cause).unwrap(), text);
            assert_eq!(serde_json::from_str::<SagaCause>(text).unwrap(), cause);
        }
    }
}
