//! Which events are shown from the event store of the program: those that an aggregate appends.

use crate::http::events::feed::FeedLimits;
use crate::http::events::source::EventSource;
use crate::message::MessageDescriptor;
use crate::system::System;

/// Where the events of that type come from, if it is the store.
#[cfg(feature = "eventstore")]
pub(crate) fn source(
    system: &System,
    event: &'static MessageDescriptor,
    history: FeedLimits,
) -> Option<EventSource> {
    use std::sync::Arc;

    use crate::eventstore::{Store, is_appended};
    use crate::http::events::stored_feed::StoredFeed;

    let store = system.resource::<Store>().filter(|_| is_appended(event))?;
    let log = Arc::new(Store::clone(&store));
    let feed = StoredFeed::new(log, event.name(), history);
    Some(EventSource::Stored(feed))
}

/// Without event stores there is none.
#[cfg(not(feature = "eventstore"))]
pub(crate) fn source(
    _: &System,
    _: &'static MessageDescriptor,
    _: FeedLimits,
) -> Option<EventSource> {
    None
}
