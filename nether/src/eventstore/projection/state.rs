//! One event and one projection.

use tokio::sync::RwLock;

use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::follower::{EventFailure, guarded};
use crate::eventstore::projection::Projection;

/// Shows an event to the projection.
pub(super) async fn show<P: Projection>(
    state: &RwLock<P>,
    recorded: &RecordedEvent,
) -> Result<(), EventFailure> {
    if P::SETTINGS.parallel > 1 {
        let projection = state.read().await;
        guarded(projection.project_beside(recorded)).await
    } else {
        let mut projection = state.write().await;
        guarded(projection.project(recorded)).await
    }
}
