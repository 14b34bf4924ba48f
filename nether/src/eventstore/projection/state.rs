//! One event and one projection: tried, tried again, and what comes of it.

use std::time::Duration;

use tokio::sync::RwLock;
use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::eventstore::projection::Projection;
use crate::eventstore::store::RecordedEvent;
use crate::guarded::{catch, panicked};

/// How long to wait before an event is tried again: twice as long each time.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// Handles an event, as often as the projection's `retries` say.
pub(super) async fn handle<P: Projection>(
    state: &RwLock<P>,
    recorded: &RecordedEvent,
) -> Result<()> {
    let mut wait = FIRST_WAIT;
    for _ in 0..P::SETTINGS.retries {
        match attempt(state, recorded).await {
            Ok(()) => return Ok(()),
            Err(error) => {
                let position = recorded.position;
                tracing::warn!(projection = P::NAME, %position, %error, "an event is tried again");
            }
        }
        sleep(wait).await;
        wait *= 2;
    }
    attempt(state, recorded).await
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
