//! [`Room`]: a place in a system that bounds what is in flight, for work from outside.

use std::future::poll_fn;
use std::sync::Arc;

use crate::context::handle::Handle;
use crate::limit::Limit;
use crate::mediator::Mediator;
use crate::race::race;

/// A place. Dropped, it is given up: what has been admitted meanwhile counts for itself.
pub(super) struct Room(Arc<Mediator>);

/// Whether what the handle sends needs a place.
#[inline]
pub(super) fn is_limited(handle: &Handle) -> bool {
    handle.scope.is_limited() && handle.waits_for_room()
}

/// The limit, for work that it holds back.
fn limit(handle: &Handle) -> Option<&Limit> {
    let limit = handle.scope.mediator.limit.as_deref();
    limit.filter(|_| handle.waits_for_room())
}

impl Room {
    /// Waits for a place, first come, first served. `None` if none is needed, or the unit of work is
    /// cancelled meanwhile, so that what would take the place is refused.
    pub(super) async fn enter(handle: &Handle) -> Option<Room> {
        let limit = limit(handle)?;
        let mut place = RoomTicket {
            limit,
            ticket: None,
        };
        let entered = async {
            poll_fn(|cx| limit.poll_enter(&mut place.ticket, cx)).await;
            Some(Room(Arc::clone(&handle.scope.mediator)))
        };
        let cancelled = async {
            handle.scope.cancelled().await;
            None
        };
        race(entered, cancelled).await
    }

    /// A place, if there is one now; or none if none is needed.
    pub(super) fn take(handle: &Handle) -> Result<Option<Room>, ()> {
        limit(handle).map_or(Ok(None), |limit| Room::try_enter(handle, limit))
    }

    /// A place for a task that is spawned. A task that a task spawns needs a place too: it may spawn without
    /// end.
    pub(super) fn take_for_task(handle: &Handle) -> Result<Option<Room>, ()> {
        let limit = handle.scope.mediator.limit.as_deref();
        let limit = limit.filter(|_| handle.waits_for_turn());
        limit.map_or(Ok(None), |limit| Room::try_enter(handle, limit))
    }

    fn try_enter(handle: &Handle, limit: &Limit) -> Result<Option<Room>, ()> {
        if !limit.try_enter() {
            return Err(());
        }
        Ok(Some(Room(Arc::clone(&handle.scope.mediator))))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(limit) = &self.0.limit {
            limit.subtract(1);
        }
    }
}

/// A ticket of the wait queue. Dropped, it is given up.
struct RoomTicket<'a> {
    limit: &'a Limit,
    ticket: Option<u64>,
}

impl Drop for RoomTicket<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.limit.withdraw(ticket);
        }
    }
}
