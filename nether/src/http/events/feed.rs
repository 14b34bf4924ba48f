//! [`Feed`]: the events of one type, for all clients that listen: each is written once, and the newest are
//! kept for who comes back.
//!
//! A client has no queue of its own but a place in the feed, so that one that does not read costs nothing,
//! and thousands of them little. Its place is how many events were before it; the id of an event is the place
//! behind it. A client whose place is older than what is kept is notified that it missed something.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::task::yield_now;

use crate::error::Result;
use crate::escaped::Escaped;
use crate::guarded::panicked;
use crate::http::endpoints::endpoint::Endpoint;
use crate::http::events::typed::TypedEvent;
use crate::message::Event;
use crate::route::BoxFuture;
use crate::sync::lock;
use crate::system::System;

/// After an event of so many bytes, others have their turn.
const LONG: usize = 16 * 1024;

/// How much is kept of the events of one type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FeedLimits {
    /// How many of them.
    pub(crate) events: usize,
    /// How many bytes. The newest event is kept however long it is.
    pub(crate) bytes: usize,
    /// How many bytes their type has, if functions decide who may see them: each is also kept as its type
    /// then.
    pub(crate) typed: Option<usize>,
}

/// The events of one type.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Tells feeds of different runs of a program apart.
    run: u32,
    kept: Mutex<FeedBuffer>,
    /// The place behind the newest event; `None` once there will be no more. The feed's own task changes it,
    /// all clients wait for its change.
    end: watch::Sender<Option<u64>>,
    limits: FeedLimits,
    /// The place of the oldest event that is kept, if others were dropped for their length.
    shortened_to: AtomicU64,
}

#[derive(Debug, Default)]
struct FeedBuffer {
    /// The place of the oldest one.
    first: u64,
    /// How many bytes they take.
    bytes: usize,
    /// `None` is one that was missed, by all.
    events: VecDeque<Option<Arc<Written>>>,
}

/// An event, ready to be sent.
#[derive(Debug)]
pub(crate) struct Written {
    /// As the stream has it, with its id.
    pub(crate) frame: Bytes,
    /// For filters.
    pub(crate) fields: EventFields,
    /// For functions that decide who may see it.
    pub(super) typed: TypedEvent,
    /// How many bytes that takes, or will take: what the type points to is about as long as the text.
    typed_bytes: usize,
}

impl Written {
    pub(super) fn new(id: &str, text: &str, fields: EventFields, limits: FeedLimits) -> Self {
        Written {
            typed_bytes: limits.typed.map_or(0, |bytes| bytes + text.len()),
            frame: format!("id: {id}\ndata: {text}\n\n").into(),
            fields,
            typed: TypedEvent::default(),
        }
    }

    /// The event as JSON.
    pub(super) fn text(&self) -> &str {
        let frame = std::str::from_utf8(&self.frame).unwrap_or_default();
        let text = frame.split_once("\ndata: ").map_or("", |(_, text)| text);
        text.trim_end_matches('\n')
    }

    /// How many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| name.len() + value.get().len());
        self.frame.len() + fields.sum::<usize>() + self.typed_bytes
    }
}

/// The fields of an event as they are sent: as text, since that holds numbers that a value of `serde_json`
/// does not.
pub(crate) type EventFields = BTreeMap<String, Box<RawValue>>;

/// What a client gets next.
pub(crate) enum NextEvent {
    Event(Arc<Written>),
    /// So many events are not kept any more.
    Missed(u64),
    /// Nothing, for now.
    Nothing,
}

impl Feed {
    /// Begins to write down the events of type `E`.
    pub(crate) fn open<E: Endpoint + Event>(system: &System, limits: FeedLimits) -> Arc<Self> {
        let feed = Arc::new(Feed::new(limits));
        let mut events = system.subscribe::<E>();
        let writing = Arc::clone(&feed);
        // Boxed, so that tokio's part of a task is compiled once and not for each event.
        let writing: BoxFuture<()> = Box::pin(async move {
            let mut missed = 0;
            while let Some(event) = events.next().await {
                writing.skip(events.missed() - missed);
                missed = events.missed();
                match written(&*event) {
                    Ok((text, fields)) => {
                        writing.push(&text, fields);
                        // Long ones leave others their turn after each.
                        if text.len() > LONG {
                            yield_now().await;
                        }
                    }
                    Err(error) => {
                        tracing::error!(event = E::NAME, error = %Escaped(&error), "an event cannot be written as JSON");
                        writing.skip(1);
                    }
                }
            }
            writing.end.send_replace(None);
        });
        tokio::spawn(writing);
        feed
    }

    pub(crate) fn new(limits: FeedLimits) -> Self {
        Feed {
            run: fresh_run(),
            kept: Mutex::default(),
            end: watch::Sender::new(Some(0)),
            limits: FeedLimits {
                events: limits.events.max(1),
                ..limits
            },
            shortened_to: AtomicU64::new(0),
        }
    }

    pub(crate) fn push(&self, text: &str, fields: EventFields) {
        let mut kept = lock(&self.kept);
        let id = self.id(kept.end() + 1);
        let written = Arc::new(Written::new(&id, text, fields, self.limits));
        kept.push(Some(written), self.limits.events);
        if kept.shorten(self.limits.bytes) {
            self.shortened_to.store(kept.first, Ordering::Relaxed);
        }
        self.end.send_replace(Some(kept.end()));
    }

    /// Leaves out events that cannot be shown. Those before them stay.
    fn skip(&self, count: u64) {
        if count == 0 {
            return;
        }
        let mut kept = lock(&self.kept);
        if count >= self.limits.events as u64 {
            kept.first = kept.end() + count;
            kept.bytes = 0;
            kept.events.clear();
        } else {
            (0..count).for_each(|_| kept.push(None, self.limits.events));
        }
        self.end.send_replace(Some(kept.end()));
    }

    /// What a client sends that goes on at the place.
    pub(crate) fn id(&self, place: u64) -> String {
        format!("{:08x}-{place}", self.run)
    }

    /// Where a client goes on that was sent this id last; `None` if it was of another run, so that what it
    /// missed is not known.
    pub(crate) fn after(&self, id: &str) -> Option<u64> {
        let (run, place) = id.split_once('-')?;
        let is_this = u32::from_str_radix(run, 16) == Ok(self.run);
        let place: u64 = place.parse().ok()?;
        (is_this && place <= self.now()).then_some(place)
    }

    /// Whether a client at the place, which was sent another one last, should be sent it: so it is never so
    /// far behind as what is kept, while it is there.
    pub(crate) fn is_far(&self, place: u64, told: u64) -> bool {
        let stride = (self.limits.events as u64 / 4).max(1);
        let is_dropped = told < self.shortened_to.load(Ordering::Relaxed).min(place);
        is_dropped || place - told >= stride
    }

    /// Where a client begins that has seen nothing yet.
    pub(crate) fn now(&self) -> u64 {
        lock(&self.kept).end()
    }

    /// The event at the place; or that events from there on are missed, or that it is yet to come.
    pub(crate) fn at(&self, place: u64) -> NextEvent {
        let kept = lock(&self.kept);
        match place.checked_sub(kept.first) {
            None => NextEvent::Missed(kept.first - place),
            Some(index) => {
                let event = usize::try_from(index).ok();
                match event.and_then(|index| kept.events.get(index)) {
                    Some(Some(event)) => NextEvent::Event(Arc::clone(event)),
                    Some(None) => {
                        let behind = kept.events.iter().skip(index as usize);
                        NextEvent::Missed(behind.take_while(|it| it.is_none()).count() as u64)
                    }
                    None => NextEvent::Nothing,
                }
            }
        }
    }

    /// Tells of new events, and of the end.
    pub(crate) fn changes(&self) -> watch::Receiver<Option<u64>> {
        self.end.subscribe()
    }
}

impl FeedBuffer {
    /// Adds an event, or that one was missed.
    fn push(&mut self, event: Option<Arc<Written>>, capacity: usize) {
        if self.events.len() == capacity {
            self.drop_first();
        }
        self.bytes += event.as_ref().map_or(0, |event| event.bytes());
        self.events.push_back(event);
    }

    /// Drops the oldest ones until the others take no more than so many bytes; returns whether it dropped
    /// any.
    fn shorten(&mut self, most: usize) -> bool {
        let before = self.first;
        while self.bytes > most && self.events.len() > 1 {
            self.drop_first();
        }
        self.first > before
    }

    fn drop_first(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.bytes -= event.map_or(0, |event| event.bytes());
            self.first += 1;
        }
    }

    /// The place behind the newest one.
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

/// The event as it is sent, and for filters. How it is written is the user's, whose panic must not end the
/// feed.
fn written<E: Serialize>(event: &E) -> Result<(String, EventFields)> {
    let written = catch_unwind(AssertUnwindSafe(|| serde_json::to_string(event)));
    let text = written.unwrap_or_else(|panic| Err(serde::ser::Error::custom(panicked(&*panic))))?;
    // JSON that is passed through as text may have several lines, and a line ends the data of an event.
    let text = text.replace(['\n', '\r'], " ");
    let fields = fields_of(&text);
    Ok((text, fields))
}

/// The fields of an event, for filters. A text that is no object has none.
pub(crate) fn fields_of(text: &str) -> EventFields {
    serde_json::from_str(text).unwrap_or_default()
}

fn fresh_run() -> u32 {
    // The random half of the UUID.
    (uuid::Uuid::now_v7().as_u128() & u128::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::{EventFields, Feed, FeedLimits, NextEvent};

    /// How many events of 100 characters are kept in 10 000 bytes.
    fn kept(typed: Option<usize>) -> usize {
        let feed = Feed::new(FeedLimits {
            events: 1000,
            bytes: 10_000,
            typed,
        });
        let text = "x".repeat(100);
        for _ in 0..1000 {
            feed.push(&text, EventFields::new());
        }
        let is_kept = |place: &u64| matches!(feed.at(*place), NextEvent::Event(_));
        (0..1000).filter(is_kept).count()
    }

    #[test]
    fn an_event_that_is_also_kept_as_its_type_counts_for_both() {
        let (as_text, as_type) = (kept(None), kept(Some(24)));
        assert!((70..=90).contains(&as_text), "{as_text}");
        assert!((35..=45).contains(&as_type), "{as_type}");
    }
}
