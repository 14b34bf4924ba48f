//! [`UnavailableKind`]: why event sourcing has no answer, as far as the client has to know.

use crate::error::Unavailable;

/// Why a message has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "eventstore"), allow(dead_code))] // Event sourcing alone has the others.
pub(crate) enum UnavailableKind {
    /// The id of the command, which the key of its request is, was that of another command.
    IdReused,
    /// The stream of the aggregate is archived.
    Archived,
    /// The saga that the command started is over, and its answer cannot be made or read: it never can.
    Unanswerable,
    /// The saga that the command started waits for an operator.
    Blocked,
    /// What the module needs has failed.
    Other,
}

impl UnavailableKind {
    pub(crate) fn of(unavailable: &Unavailable) -> Self {
        #[cfg(feature = "eventstore")]
        {
            use crate::eventstore::{StoreError, is_unanswered_for_good};

            let error = &unavailable.error;
            match is_unanswered_for_good(error) {
                Some(true) => return UnavailableKind::Unanswerable,
                Some(false) => return UnavailableKind::Blocked,
                None => {}
            }
            match error.downcast_ref() {
                Some(StoreError::CommandIdReused { .. }) => return UnavailableKind::IdReused,
                Some(StoreError::Archived { .. }) => return UnavailableKind::Archived,
                _ => {}
            }
        }
        #[cfg(not(feature = "eventstore"))]
        let _ = unavailable;
        UnavailableKind::Other
    }
}
