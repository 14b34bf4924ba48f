//! Lanes: events of different streams handled at the same time, those of one stream in order.

use std::collections::BTreeSet;
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::context::Context;
use crate::eventstore::backend::{Position, RecordedEvent, StreamId};
use crate::eventstore::follower::{EventFailure, SAVE_AFTER};
use crate::eventstore::projection::state::ProjectionState;
use crate::eventstore::projection::{Projection, Projections};
use crate::route::BoxFuture;

/// An event that a lane has come to.
pub(super) struct LaneOutcome {
    pub(super) position: Position,
    pub(super) stream: StreamId,
    pub(super) came_of_it: LaneEvent,
}

pub(super) enum LaneEvent {
    Handled,
    Failed(EventFailure),
    /// An event of its stream before it has failed.
    Waits,
}

/// Handles events, and says what came of each that it came to, in the order of the store. The others are
/// left: it has to stop, or it is time to save what is done.
pub(super) async fn handle<P: Projection>(
    ctx: &Context<Projections<P>>,
    state: &Arc<ProjectionState<P>>,
    events: Vec<RecordedEvent>,
) -> Vec<LaneOutcome> {
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
        let (ctx, state) = (ctx.clone(), Arc::clone(state));
        // Boxed, so that tokio's part of a task is compiled once and not for each projection.
        let lane: BoxFuture<_> = Box::pin(async move { in_order(&ctx, &state, lane).await });
        working.spawn(lane);
    }
    // Dropped, it ends them.
    let mut outcomes = Vec::new();
    while let Some(ended) = working.join_next().await {
        match ended {
            Ok(some) => outcomes.extend(some),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime ends: what was cut off was not handled, so it must not be reported as handled.
            Err(_) => pending().await,
        }
    }
    outcomes.sort_by_key(|outcome| outcome.position);
    outcomes
}

async fn in_order<P: Projection>(
    ctx: &Context<Projections<P>>,
    state: &ProjectionState<P>,
    events: Vec<RecordedEvent>,
) -> Vec<LaneOutcome> {
    let (began, mut failed) = (Instant::now(), BTreeSet::new());
    let mut outcomes: Vec<LaneOutcome> = Vec::new();
    for event in events {
        let is_late = !outcomes.is_empty() && began.elapsed() >= SAVE_AFTER;
        if is_late || ctx.is_cancelled() {
            break;
        }
        let came_of_it = if failed.contains(&event.stream) {
            LaneEvent::Waits
        } else {
            match state.show(&event).await {
                Ok(()) => LaneEvent::Handled,
                Err(failure) => {
                    failed.insert(event.stream.clone());
                    LaneEvent::Failed(failure)
                }
            }
        };
        outcomes.push(LaneOutcome {
            position: event.position,
            stream: event.stream,
            came_of_it,
        });
    }
    outcomes
}
