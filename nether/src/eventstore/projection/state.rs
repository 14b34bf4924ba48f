//! One event and one projection: tried, tried again, and what comes of it.

use tokio::sync::RwLock;

use crate::error::{Error, Result};
use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::follower::Follower;
use crate::eventstore::projection::{Projection, Projections};
use crate::guarded::{catch, panicked};

/// Handles an event, as often as the projection's `retries` say.
pub(super) async fn handle<P: Projection>(
    follower: &Follower<Projections<P>>,
    state: &RwLock<P>,
    recorded: &RecordedEvent,
) -> Result<()> {
    let attempt = || attempt(state, recorded);
    follower.tried(P::SETTINGS.retries, recorded, attempt).await
}

async fn attempt<P: Projection>(state: &RwLock<P>, recorded: &RecordedEvent) -> Result<()> {
    let result = if P::SETTINGS.parallel > 1 {
        let projection = state.read().await;
        catch(projection.project_beside(recorded)).await
    } else {
        let mut projection = state.write().await;
        catch(projection.project(recorded)).await
    };
    result.unwrap_or_else(|panic| Err::<(), Error>(panicked(&*panic)))
}
