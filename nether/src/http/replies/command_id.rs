//! [`is_id_reused`]: a refusal of event sourcing that is the client's error.

use crate::error::Unavailable;

/// Whether a command was refused because its id, which the key of its request is, was that of another
/// command.
pub(crate) fn is_id_reused(unavailable: &Unavailable) -> bool {
    #[cfg(feature = "eventstore")]
    {
        use crate::eventstore::StoreError;

        let error = unavailable.error.downcast_ref::<StoreError>();
        matches!(error, Some(StoreError::CommandIdReused { .. }))
    }
    #[cfg(not(feature = "eventstore"))]
    {
        let _ = unavailable;
        false
    }
}
