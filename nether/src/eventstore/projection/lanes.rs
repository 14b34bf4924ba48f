//! Lanes: events of different streams handled at the same time, those of one stream in order.

use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::RwLock;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::eventstore::backend::RecordedEvent;
use crate::eventstore::follower::Follower;
use crate::eventstore::projection::{Projection, Projections, state};

/// Handles events. Of each stream, the first one that could not be handled is given back, and those behind it
/// are left out.
pub(super) async fn handle<P: Projection>(
    follower: &Arc<Follower<Projections<P>>>,
    state: &Arc<RwLock<P>>,
    events: Vec<RecordedEvent>,
) -> Vec<(RecordedEvent, Error)> {
    let mut lanes: Vec<Vec<RecordedEvent>> = Vec::new();
    lanes.resize_with(P::SETTINGS.parallel, Vec::new);
    for event in events {
        let mut hasher = DefaultHasher::new();
        event.stream.hash(&mut hasher);
        let lane = hasher.finish() as usize % lanes.len();
        lanes[lane].push(event);
    }
    let mut working = JoinSet::new();
    for lane in lanes.into_iter().filter(|lane| !lane.is_empty()) {
        let (follower, state) = (Arc::clone(follower), Arc::clone(state));
        working.spawn(async move { in_order(&follower, &state, lane).await });
    }
    // Dropped, it ends them.
    let mut failed = Vec::new();
    while let Some(ended) = working.join_next().await {
        match ended {
            Ok(some) => failed.extend(some),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime ends: what was cut off was not handled, so nobody may say that it was.
            Err(_) => pending().await,
        }
    }
    failed
}

async fn in_order<P: Projection>(
    follower: &Follower<Projections<P>>,
    state: &RwLock<P>,
    events: Vec<RecordedEvent>,
) -> Vec<(RecordedEvent, Error)> {
    let mut failed: Vec<(RecordedEvent, Error)> = Vec::new();
    for event in events {
        let waits = failed
            .iter()
            .any(|(before, _)| before.stream == event.stream);
        if waits {
            continue;
        }
        if let Err(error) = state::handle(follower, state, &event).await {
            failed.push((event, error));
        }
    }
    failed
}
