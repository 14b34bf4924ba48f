//! [`EventReader`]: a client's place among the events of one type, wherever those come from: what this
//! process has published lately, or what is in an event log.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::HeaderName;
use tokio::sync::watch;

use crate::error::Result;
use crate::http::events::feed::{Feed, NextEvent};
use crate::http::events::stored_feed::{StoredFeed, StoredReader};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where the events of one type come from.
#[derive(Clone)]
pub(crate) enum EventSource {
    /// From what is published here.
    Published(Arc<Feed>),
    /// From an event log.
    // Without an event store there is none.
    #[cfg_attr(not(feature = "eventstore"), allow(dead_code))]
    Stored(Arc<StoredFeed>),
}

/// A client's place.
pub(crate) enum EventReader {
    Published {
        feed: Arc<Feed>,
        /// The place of the next event.
        place: u64,
        /// The place that the client was sent last: where it goes on if it comes back.
        told: u64,
    },
    Stored(StoredReader),
}

impl EventSource {
    /// Tells of new events, and of the end.
    pub(crate) fn changes(&self) -> watch::Receiver<Option<u64>> {
        match self {
            EventSource::Published(feed) => feed.changes(),
            EventSource::Stored(feed) => feed.changes(),
        }
    }

    /// Where a client begins, and whether it is known what it missed before.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(crate) async fn reader(&self, headers: &HeaderMap) -> Result<(EventReader, bool)> {
        let last = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty());
        // A header that is no text is no id of ours.
        let last = last.map(|last| last.to_str().unwrap_or("-"));
        match self {
            EventSource::Published(feed) => {
                let known = last.map(|last| feed.after(last));
                let place = known.flatten().unwrap_or_else(|| feed.now());
                let (feed, told) = (Arc::clone(feed), place);
                let reader = EventReader::Published { feed, place, told };
                Ok((reader, known != Some(None)))
            }
            EventSource::Stored(feed) => {
                let (reader, is_known) = feed.reader(last).await?;
                Ok((EventReader::Stored(reader), is_known))
            }
        }
    }

    /// Lets go of what it reads from.
    pub(crate) fn close(&self) {
        if let EventSource::Stored(feed) = self {
            feed.close();
        }
    }
}

impl EventReader {
    /// Reads the next event, and moves past it.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(crate) async fn next(&mut self) -> Result<NextEvent> {
        match self {
            EventReader::Published { feed, place, .. } => {
                let next = feed.at(*place);
                *place += match &next {
                    NextEvent::Event(_) => 1,
                    NextEvent::Missed(count) => *count,
                    NextEvent::Nothing => 0,
                };
                Ok(next)
            }
            EventReader::Stored(reader) => reader.next().await,
        }
    }

    /// The id with which the client goes on here.
    pub(crate) fn id(&self) -> String {
        match self {
            EventReader::Published { feed, place, .. } => feed.id(*place),
            EventReader::Stored(reader) => reader.id(),
        }
    }

    /// The place at which it ends if the stream is to end now.
    pub(crate) fn end(&self) -> u64 {
        match self {
            EventReader::Published { feed, .. } => feed.now(),
            EventReader::Stored(reader) => reader.end(),
        }
    }

    /// Whether it has come to that place.
    pub(crate) fn has_reached(&self, end: u64) -> bool {
        match self {
            EventReader::Published { place, .. } => *place >= end,
            EventReader::Stored(reader) => reader.has_reached(end),
        }
    }

    /// Whether it has passed so many events without an id for the client that it should send one.
    pub(crate) fn is_far(&self) -> bool {
        match self {
            EventReader::Published { feed, place, told } => feed.is_far(*place, *told),
            EventReader::Stored(reader) => reader.is_far(),
        }
    }

    /// Notes that the client was sent its place.
    pub(crate) fn note_told(&mut self) {
        match self {
            EventReader::Published { place, told, .. } => *told = *place,
            EventReader::Stored(reader) => reader.note_told(),
        }
    }
}
