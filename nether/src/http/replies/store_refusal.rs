//! [`StoreRefusal`]: refusals of event sourcing that are no failure of the store.

use crate::error::Unavailable;

/// Why the store has refused a message, and always will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "eventstore"), allow(dead_code))] // Then there is no store to refuse.
pub(crate) enum StoreRefusal {
    /// The id of the command, which the key of its request is, was that of another command.
    IdReused,
    /// The stream of the aggregate is archived.
    Archived,
}

impl StoreRefusal {
    /// The refusal, if the store has not failed.
    pub(crate) fn of(unavailable: &Unavailable) -> Option<Self> {
        #[cfg(feature = "eventstore")]
        {
            use crate::eventstore::StoreError;

            match unavailable.error.downcast_ref::<StoreError>()? {
                StoreError::CommandIdReused { .. } => Some(StoreRefusal::IdReused),
                StoreError::Archived { .. } => Some(StoreRefusal::Archived),
                _ => None,
            }
        }
        #[cfg(not(feature = "eventstore"))]
        {
            let _ = unavailable;
            None
        }
    }
}
