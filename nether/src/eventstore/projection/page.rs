//! [`PageOfProjection`]: which events of a page are shown to a projection that is shown several at once.

use crate::eventstore::backend::{Position, RecordedEvent, StreamId};
use crate::eventstore::follower::FollowerPlace;
use crate::eventstore::projection::Projection;
use crate::eventstore::projection::showing::handles;

/// The events of a page, by what becomes of them.
pub(super) struct PageOfProjection {
    /// Those that it is shown.
    pub(super) own: Vec<RecordedEvent>,
    pub(super) waiting: WaitingEvents,
}

/// Events whose streams wait behind one that is parked.
pub(super) struct WaitingEvents(Vec<(StreamId, Position)>);

impl PageOfProjection {
    pub(super) fn of<P: Projection>(events: Vec<RecordedEvent>, place: &FollowerPlace) -> Self {
        let mut page = PageOfProjection {
            own: Vec::new(),
            waiting: WaitingEvents(Vec::new()),
        };
        for event in events {
            let is_done = place.ahead.contains(&event.position);
            if is_done || event.is_archived() || !handles::<P>(&event.name) {
                continue;
            }
            if place.parked.has(event.stream.as_str()) {
                page.waiting.0.push((event.stream, event.position));
            } else {
                page.own.push(event);
            }
        }
        page
    }
}

impl WaitingEvents {
    /// Notes those that the projection has come past. The others are read again.
    pub(super) fn note(&self, place: &mut FollowerPlace) {
        for (stream, position) in &self.0 {
            if *position <= place.position {
                place.parked.wait_behind(stream.as_str(), *position);
            }
        }
    }
}
