//! [`StoredFeed`]: the events of one type that are in an event log, for all clients that listen. Their ids
//! are positions in the log, so that a client may come back to any process.
//!
//! One task follows the log for all clients, from when the first one listens. What it has read lately is
//! kept; a client that is behind that reads the log itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::error::Result;
use crate::escaped::Escaped;
use crate::event_log::{EventLog, LogPage};
use crate::http::events::feed::{FeedLimits, NextEvent, Written, fields_of};
use crate::sync::lock;

/// After which time a log that could not be read is read again.
const RETRY: Duration = Duration::from_secs(1);

/// The events of one type.
pub(crate) struct StoredFeed {
    log: Arc<dyn EventLog>,
    /// The name of the events.
    name: &'static str,
    window: Mutex<Window>,
    /// The position up to which the log was followed; `None` once it will not be followed any more.
    end: watch::Sender<Option<u64>>,
    limits: FeedLimits,
    following: OnceLock<AbortHandle>,
}

/// What was read lately.
#[derive(Debug, Default)]
struct Window {
    /// All events behind this position are in it.
    from: u64,
    /// Up to this one.
    to: u64,
    events: VecDeque<StoredItem>,
    /// How many bytes they take.
    bytes: usize,
}

/// An event of the log, or one that cannot be shown.
#[derive(Debug, Clone)]
struct StoredItem {
    place: LogPlace,
    event: Option<Arc<Written>>,
}

/// How far a client has come: up to a position, and so many of the events that are at the next one. A stored
/// event may be shown as several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogPlace {
    position: u64,
    more: u32,
}

impl LogPlace {
    /// Behind all events at the position.
    fn behind(position: u64) -> Self {
        LogPlace { position, more: 0 }
    }

    /// The id of the event that a client has seen last, if it is here.
    fn id(self) -> String {
        match self.more {
            0 => self.position.to_string(),
            more => format!("{}.{more}", self.position + 1),
        }
    }

    fn read(id: &str) -> Option<Self> {
        let Some((position, more)) = id.split_once('.') else {
            return Some(LogPlace::behind(id.parse().ok()?));
        };
        let (position, more): (u64, u32) = (position.parse().ok()?, more.parse().ok()?);
        let position = position.checked_sub(1)?;
        (more > 0).then_some(LogPlace { position, more })
    }
}

impl StoredFeed {
    // Without an event store there is no log.
    #[cfg_attr(not(feature = "eventstore"), allow(dead_code))]
    pub(crate) fn new(log: Arc<dyn EventLog>, name: &'static str, limits: FeedLimits) -> Arc<Self> {
        Arc::new(StoredFeed {
            log,
            name,
            window: Mutex::default(),
            end: watch::Sender::new(Some(0)),
            limits: FeedLimits {
                events: limits.events.max(1),
                ..limits
            },
            following: OnceLock::new(),
        })
    }

    /// A client of the feed: it goes on behind the event with the id that it was sent last; without one, or
    /// with one that is none of this log, with what comes next. Says also whether the id was good.
    pub(crate) async fn reader(self: &Arc<Self>, id: Option<&str>) -> Result<(StoredReader, bool)> {
        let newest = self.log.newest().await?;
        self.follow(newest);
        let known = id.map(|id| LogPlace::read(id).filter(|it| it.position <= newest));
        let place = known.flatten().unwrap_or(LogPlace::behind(newest));
        let reader = StoredReader {
            feed: Arc::clone(self),
            place,
            ready: VecDeque::new(),
            up_to: place.position,
            told: place.position,
        };
        Ok((reader, known != Some(None)))
    }

    /// Tells of new events, and of the end.
    pub(crate) fn changes(&self) -> watch::Receiver<Option<u64>> {
        self.end.subscribe()
    }

    /// Follows the log from the position on, unless it is followed already.
    fn follow(self: &Arc<Self>, from: u64) {
        self.following.get_or_init(|| {
            let mut window = lock(&self.window);
            (window.from, window.to) = (from, from);
            self.end.send_replace(Some(from));
            let feed = Arc::downgrade(self);
            tokio::spawn(follow(feed, Arc::clone(&self.log), from)).abort_handle()
        });
    }

    /// Follows it no longer: the log may be closed.
    pub(crate) fn close(&self) {
        if let Some(following) = self.following.get() {
            following.abort();
        }
        self.end.send_replace(None);
    }

    /// Takes in what was read.
    fn push(&self, page: LogPage) {
        let mut window = lock(&self.window);
        window.to = page.up_to;
        let known = window.events.len();
        for item in items(page, self.limits) {
            window.bytes += item.bytes();
            window.events.push_back(item);
        }
        let has_new = window.events.len() > known;
        let FeedLimits { events, bytes, .. } = self.limits;
        while window.events.len() > events || window.bytes > bytes {
            // All that is at one position goes together.
            let Some(gone) = window.drop_first() else {
                break;
            };
            window.from = gone.place.last();
        }
        let from = LogPlace::behind(window.from);
        while window.events.front().is_some_and(|it| it.place <= from) {
            window.drop_first();
        }
        // No reader need be woken for what others have appended.
        self.end.send_if_modified(|end| {
            *end = Some(window.to);
            has_new
        });
    }

    /// The events behind the place, and up to which position there is no other; `None` if they are not kept.
    fn kept(&self, place: LogPlace) -> Option<(VecDeque<StoredItem>, u64)> {
        let window = lock(&self.window);
        if place.position < window.from {
            return None;
        }
        let begin = window.events.partition_point(|it| it.place <= place);
        let events = window.events.range(begin..).cloned().collect();
        Some((events, window.to.max(place.position)))
    }
}

impl Window {
    fn drop_first(&mut self) -> Option<StoredItem> {
        let gone = self.events.pop_front()?;
        self.bytes -= gone.bytes();
        Some(gone)
    }
}

impl StoredItem {
    /// How many bytes it takes.
    fn bytes(&self) -> usize {
        self.event.as_ref().map_or(0, |event| event.bytes())
    }
}

impl Drop for StoredFeed {
    fn drop(&mut self) {
        self.close();
    }
}

async fn follow(feed: Weak<StoredFeed>, log: Arc<dyn EventLog>, mut after: u64) {
    let name = feed.upgrade().map_or("", |feed| feed.name);
    loop {
        let read = match log.read(name, after).await {
            Ok(page) if page.up_to == after => log.wait(after).await,
            Ok(page) => {
                let Some(feed) = feed.upgrade() else { return };
                after = page.up_to;
                feed.push(page);
                Ok(())
            }
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            tracing::warn!(event = name, error = %Escaped(&error), "stored events cannot be shown for now");
            sleep(RETRY).await;
        }
    }
}

/// The events of a page. The last of those at one position has the id of the position.
fn items(page: LogPage, limits: FeedLimits) -> impl Iterator<Item = StoredItem> {
    let mut events = page.events.into_iter().peekable();
    let mut more = 0;
    std::iter::from_fn(move || {
        let event = events.next()?;
        let is_last = events
            .peek()
            .is_none_or(|next| next.position != event.position);
        more = if is_last { 0 } else { more + 1 };
        let place = match is_last {
            true => LogPlace::behind(event.position),
            false => LogPlace {
                position: event.position - 1,
                more,
            },
        };
        let event = match event.json {
            Ok(json) => Some(written(place, &json, limits)),
            Err(error) => {
                let position = event.position;
                tracing::error!(position, error, "a stored event cannot be shown");
                None
            }
        };
        Some(StoredItem { place, event })
    })
}

impl LogPlace {
    /// The position of the event before which it is, or that it is behind.
    fn last(self) -> u64 {
        match self.more {
            0 => self.position,
            _ => self.position + 1,
        }
    }
}

fn written(place: LogPlace, json: &str, limits: FeedLimits) -> Arc<Written> {
    // A line ends the data of an event.
    let text = json.replace(['\n', '\r'], " ");
    Arc::new(Written::new(&place.id(), &text, fields_of(&text), limits))
}

/// A client's place in the feed.
pub(crate) struct StoredReader {
    feed: Arc<StoredFeed>,
    place: LogPlace,
    /// Read, and not yet given.
    ready: VecDeque<StoredItem>,
    /// Up to which position nothing else is behind `ready`.
    up_to: u64,
    /// The position of the last id that the client was sent.
    told: u64,
}

impl StoredReader {
    /// Reads the next event, and moves past it.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(crate) async fn next(&mut self) -> Result<NextEvent> {
        if self.ready.is_empty() {
            self.read().await?;
        }
        let Some(item) = self.ready.pop_front() else {
            self.place = self.place.max(LogPlace::behind(self.up_to));
            return Ok(NextEvent::Nothing);
        };
        self.place = item.place;
        Ok(match item.event {
            Some(event) => NextEvent::Event(event),
            None => NextEvent::Missed(1),
        })
    }

    /// Reads on, until there is an event or the end; or until the client should be sent how far it has come.
    async fn read(&mut self) -> Result<()> {
        loop {
            if let Some((events, up_to)) = self.feed.kept(self.place) {
                (self.ready, self.up_to) = (events, up_to);
                return Ok(());
            }
            let (name, after) = (self.feed.name, self.place.position);
            let page = self.feed.log.read(name, after).await?;
            self.up_to = page.up_to;
            let place = self.place;
            self.ready = items(page, self.feed.limits)
                .filter(|it| it.place > place)
                .collect();
            if !self.ready.is_empty() {
                return Ok(());
            }
            if self.up_to == after {
                return Ok(());
            }
            self.place = LogPlace::behind(self.up_to);
            if self.is_far() {
                return Ok(());
            }
        }
    }

    /// The id with which the client goes on here.
    pub(crate) fn id(&self) -> String {
        self.place.id()
    }

    /// The position at which it ends if the stream is to end now: that of the newest event, if all up to
    /// there are kept. A client that has fallen behind them reads the rest elsewhere, since a stop does not
    /// wait for it to read a whole log.
    pub(crate) fn end(&self) -> u64 {
        let window = lock(&self.feed.window);
        match self.place.position < window.from {
            true => 0,
            false => window.to,
        }
    }

    /// Whether it has come to the position.
    pub(crate) fn has_reached(&self, position: u64) -> bool {
        self.ready.is_empty() && self.place.position >= position
    }

    /// Whether it has come so far without an id that the client should be sent one.
    pub(crate) fn is_far(&self) -> bool {
        self.place.position - self.told >= self.feed.limits.events as u64
    }

    /// Notes that the client was sent an id.
    pub(crate) fn note_told(&mut self) {
        self.told = self.place.position;
    }
}

#[cfg(test)]
mod tests {
    use super::LogPlace;

    #[test]
    fn an_id_leads_back_to_its_place() {
        let places = [(0, 0), (41, 0), (41, 1), (41, 7), (42, 0)];
        let places = places.map(|(position, more)| LogPlace { position, more });
        assert!(places.is_sorted());
        for place in places {
            assert_eq!(LogPlace::read(&place.id()), Some(place), "{place:?}");
        }
        let more = LogPlace {
            position: 41,
            more: 1,
        };
        assert_eq!(more.id(), "42.1");
        for nonsense in ["", "x", "-1", "0.1", "4.0", "4.", ".4", "0a1b2c3d-4"] {
            assert_eq!(LogPlace::read(nonsense), None, "{nonsense}");
        }
    }
}
