//! Shows stored events to a projection: an event as it is, or, if it is retired, the events that it becomes.

use crate::eventstore::backend::{Position, RecordedEvent};
use crate::eventstore::follower::{EventFailure, StepSpan, guarded_now, guarded_within};
use crate::eventstore::projection::Projection;
use crate::eventstore::projection::state::ProjectionState;
use crate::eventstore::stored::{is_retired, may_become, successors};
use crate::sync::lock;

/// Whether the projection handles stored events of that name, or an event that these may become.
pub(super) fn handles<P: Projection>(name: &str) -> bool {
    P::handles(name) || may_become(name, P::handles)
}

impl<P: Projection> ProjectionState<P> {
    /// Shows a stored event to the projection.
    pub(super) async fn show(&self, recorded: &RecordedEvent) -> Result<(), EventFailure> {
        if is_retired(&recorded.name) {
            return Box::pin(self.show_successors(recorded)).await;
        }
        self.show_one(recorded).await
    }

    /// Shows the events that a stored event becomes, in order. If one fails, the next attempt begins with
    /// that one.
    async fn show_successors(&self, recorded: &RecordedEvent) -> Result<(), EventFailure> {
        let read = || successors(recorded).unwrap_or_else(|| Ok(Vec::new()));
        let events = guarded_now(|| Ok(read()?))?;
        let position = recorded.position;
        let handled = lock(&self.partly_handled).get(&position).copied();
        let handled = handled.unwrap_or(0);
        for (index, event) in events.iter().enumerate().skip(handled) {
            if !P::handles(&event.name) {
                continue;
            }
            // Before it is shown, so that it also holds if this is dropped meanwhile.
            lock(&self.partly_handled).insert(position, index);
            self.show_one(event).await?;
        }
        self.leave_out(position);
        Ok(())
    }

    async fn show_one(&self, event: &RecordedEvent) -> Result<(), EventFailure> {
        let limit = P::SETTINGS.policy.timeout;
        let span = StepSpan::of_event(P::NAME, None, event);
        if P::SETTINGS.parallel > 1 {
            let projection = self.view().await;
            let handled = guarded_within(limit, projection.project_beside(event));
            return span.run(handled).await;
        }
        // Most of the time no query holds the value: a rebuild comes here for each event.
        if let Ok(mut value) = self.current.try_write()
            && let Some(projection) = std::sync::Arc::get_mut(&mut value)
        {
            let handled = guarded_within(limit, projection.project(event));
            return span.run(handled).await;
        }
        let mut projection = Box::pin(self.own()).await;
        let handled = guarded_within(limit, projection.get().project(event));
        span.run(handled).await
    }

    /// Forgets how much of a stored event is handled, because it will not be shown again.
    pub(super) fn leave_out(&self, position: Position) {
        lock(&self.partly_handled).remove(&position);
    }

    /// Forgets which events were handled in part, because all of them will be handled again.
    pub(super) fn forget_partly_handled(&self) {
        lock(&self.partly_handled).clear();
    }
}
