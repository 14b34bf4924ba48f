//! Endpoints of events: a stream of server-sent events (WHATWG HTML, section 9.2) from an [`EventSource`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::request;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Frame};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::Error;
use crate::escaped::Escaped;
use crate::http::endpoints::entry::{EndpointEntry, EndpointKind};
use crate::http::events::audience::Audience;
use crate::http::events::feed::{NextEvent, Written};
use crate::http::events::filter::EventFilter;
use crate::http::events::source::{EventReader, EventSource};
use crate::http::identity::identified;
use crate::http::replies::failure_log;
use crate::http::replies::problem::Details;
use crate::http::server::state::ServerState;
use crate::principal::Principal;
use crate::race::race;
use crate::route::BoxFuture;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// The first thing that a client gets: so it knows that the stream is open.
const OPEN: &str = "open";
const ALIVE: &str = "alive";
const STOPPING: &str = "the server is stopping";

/// How many bytes of events that wait are sent at once.
const BATCH: usize = 16 * 1024;

/// Serves a request for a stream of events.
pub(crate) async fn serve(
    endpoint: &'static EndpointEntry,
    source: EventSource,
    state: Arc<ServerState>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let filter = match EventFilter::of(endpoint, &parts.uri) {
        Ok(filter) => filter,
        Err(details) => return details.answer_to(&parts),
    };
    let changes = source.changes();
    let (reader, is_known) = match source.reader(&parts.headers).await {
        Ok(begun) => begun,
        Err(error) => return unreadable(endpoint, &error).answer_to(&parts),
    };
    let greeting = match is_known {
        true => comment(OPEN, &reader.id()),
        // The client was here before the program was restarted: what it missed is not known.
        false => missed("null", &reader.id()),
    };
    let client = Client {
        reader,
        changes,
        filter,
        audience: audience(endpoint, &parts),
        ending: state.ending(),
        last: None,
        keep_alive: state.settings.keep_alive,
    };
    let body = EventBody {
        first: Some(greeting),
        next: None,
        client: Some(client),
    };
    let headers = [(CONTENT_TYPE, EVENT_STREAM), (CACHE_CONTROL, NO_CACHE)];
    (headers, Body::new(body)).into_response()
}

/// Which events the client that sent the request may see, if that depends on the event. The guard of the
/// endpoint has let on those alone who have a principal.
fn audience(endpoint: &EndpointEntry, parts: &request::Parts) -> Option<Audience> {
    let EndpointKind::Feed { audience, .. } = endpoint.way else {
        return None;
    };
    let principal = identified::principal(&parts.extensions).cloned();
    audience.map(|rule| Audience {
        principal: principal.unwrap_or_else(Principal::anonymous),
        may_see: rule.may_see,
    })
}

/// The events are in a log that cannot be read now.
fn unreadable(endpoint: &EndpointEntry, error: &Error) -> Details {
    let event = endpoint.message().name();
    tracing::debug!(event, error = %Escaped(error), "stored events cannot be shown for now");
    failure_log::refused(error);
    Details::unavailable("what this is kept in does not answer now")
}

/// A comment, with the place of the client: a block without data sets the last event's id all the same
/// (WHATWG HTML, section 9.2.6), so that a client that was sent no event yet goes on here when it comes back.
fn comment(text: &str, id: &str) -> Bytes {
    format!(": {text}\nid: {id}\n\n").into()
}

/// Tells a client that it missed events: how many, or `null`, in an event of the type `missed`.
fn missed(count: impl std::fmt::Display, id: &str) -> Bytes {
    format!("id: {id}\nevent: missed\ndata: {count}\n\n").into()
}

/// One who listens.
struct Client {
    reader: EventReader,
    filter: EventFilter,
    /// Which events it may see; all, if there is none.
    audience: Option<Audience>,
    changes: watch::Receiver<Option<u64>>,
    /// Set when the server stops.
    ending: watch::Receiver<bool>,
    /// The place where the stream ends; known once it is to end.
    last: Option<u64>,
    /// After how much silence it is sent a sign that the stream lives.
    keep_alive: Duration,
}

/// Frames for a client, and the client; `None` after the last of them.
type NextChunk = (Bytes, Option<Client>);

impl Client {
    /// Waits for the next thing to send.
    async fn next(mut self) -> NextChunk {
        loop {
            self.changes.mark_unchanged();
            if self.reach_end() {
                return (comment(STOPPING, &self.reader.id()), None);
            }
            let ready = self.ready().await;
            if !ready.is_empty() {
                return (ready, Some(self));
            }
            if self.last.is_some() {
                continue; // It was sent all.
            }
            let changed = async { self.changes.changed().await.is_ok() };
            let ended = async { self.ending.changed().await.is_ok() };
            if timeout(self.keep_alive, race(changed, ended))
                .await
                .is_err()
            {
                self.reader.note_told();
                return (comment(ALIVE, &self.reader.id()), Some(self));
            }
        }
    }

    /// Whether it was sent all, up to when the stream was closed: others may go on publishing.
    fn reach_end(&mut self) -> bool {
        let is_closed = *self.ending.borrow() || self.ending.has_changed().is_err();
        let is_to_end = self.changes.borrow().is_none() || is_closed;
        if is_to_end && self.last.is_none() {
            self.last = Some(self.reader.end());
        }
        self.has_ended()
    }

    /// Whether the stream is to end, and it was sent all up to there.
    fn has_ended(&self) -> bool {
        self.last.is_some_and(|last| self.reader.has_reached(last))
    }

    /// Whether the client wants the event, and may see it.
    fn shows(&self, event: &Written) -> bool {
        let audience = self.audience.as_ref();
        self.filter.wants(&event.fields) && audience.is_none_or(|it| it.may_see(event))
    }

    /// The frames that can be sent without waiting, up to a batch.
    async fn ready(&mut self) -> Bytes {
        let mut frames: Vec<Bytes> = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH && !self.has_ended() {
            let frame = match self.reader.next().await {
                Ok(NextEvent::Nothing) => break,
                Ok(NextEvent::Missed(count)) => missed(count, &self.reader.id()),
                Ok(NextEvent::Event(event)) => {
                    if !self.shows(&event) {
                        // The client is sent its place on the way, however long that is.
                        if self.reader.is_far() {
                            break;
                        }
                        continue;
                    }
                    event.frame.clone()
                }
                Err(error) => {
                    // Whatever follows the log for all clients warns.
                    tracing::debug!(error = %Escaped(&error), "stored events cannot be shown for now");
                    self.last = self.last.map(|_| 0);
                    break;
                }
            };
            self.reader.note_told();
            bytes += frame.len();
            frames.push(frame);
        }
        if frames.is_empty() && self.reader.is_far() {
            self.reader.note_told();
            frames.push(format!("id: {}\n\n", self.reader.id()).into());
        }
        match frames.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            several => several.concat().into(),
        }
    }
}

/// The body of the answer.
struct EventBody {
    first: Option<Bytes>,
    next: Option<BoxFuture<NextChunk>>,
    /// Between two futures.
    client: Option<Client>,
}

impl HttpBody for EventBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let events = &mut *self;
        if let Some(first) = events.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if let Some(client) = events.client.take() {
            events.next = Some(Box::pin(client.next()));
        }
        let Some(next) = &mut events.next else {
            return Poll::Ready(None);
        };
        let (frame, client) = ready!(next.as_mut().poll(cx));
        events.next = None;
        events.client = client;
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::value::to_raw_value;
    use tokio::sync::watch;

    use super::{Client, STOPPING};
    use crate::event_log::{EventLog, LogFuture, LogPage, LoggedEvent};
    use crate::http::events::feed::{Feed, FeedLimits};
    use crate::http::events::filter::EventFilter;
    use crate::http::events::source::EventReader;
    use crate::http::events::stored_feed::StoredFeed;

    const LIMITS: FeedLimits = FeedLimits {
        events: 1000,
        bytes: 1 << 20,
        typed: None,
    };

    #[tokio::test]
    async fn a_stream_that_is_to_end_does_not_wait_for_the_end_of_events() {
        let feed = Arc::new(Feed::new(LIMITS));
        let ending = watch::Sender::new(false);
        let reader = EventReader::Published {
            feed: Arc::clone(&feed),
            place: 0,
            told: 0,
        };
        let filter = EventFilter::by("wanted", "true");
        let mut client = client(reader, feed.changes(), filter, &ending);
        let publish = |text: &str, wanted: bool| {
            let wanted = to_raw_value(&wanted).unwrap();
            feed.push(text, [("wanted".to_owned(), wanted)].into());
        };
        publish("before", true);
        publish("before, for others", false);
        ending.send_replace(true);
        let mut sent = Vec::new();
        for _ in 0..3 {
            let (frame, next) = client.next().await;
            sent.push(frame);
            let Some(next) = next else { break };
            client = next;
            publish("after", true);
        }
        assert_eq!(sent.len(), 2, "{sent:?}");
        assert!(sent[0].ends_with(b"data: before\n\n"), "{sent:?}");
        let stopping = format!(": {STOPPING}\nid: {}\n\n", feed.id(2));
        assert_eq!(sent[1], stopping.as_bytes());
    }

    fn client(
        reader: EventReader,
        changes: watch::Receiver<Option<u64>>,
        filter: EventFilter,
        ending: &watch::Sender<bool>,
    ) -> Client {
        Client {
            reader,
            changes,
            filter,
            audience: None,
            ending: ending.subscribe(),
            last: None,
            keep_alive: Duration::from_secs(1),
        }
    }

    /// A long log: each hundredth event has the name that is asked for.
    struct Long;

    const LENGTH: u64 = 100_000;

    impl EventLog for Long {
        fn newest(&self) -> LogFuture<'_, u64> {
            Box::pin(async { Ok(LENGTH) })
        }

        fn read<'a>(&'a self, _: &'a str, after: u64) -> LogFuture<'a, LogPage> {
            let up_to = LENGTH.min(after + 50);
            let positions = (after + 1..=up_to).filter(|it| it % 100 == 0);
            let events = positions.map(|position| LoggedEvent {
                position,
                json: Ok(format!("{{\"text\":\"{}\"}}", "a".repeat(1000))),
            });
            let events = events.collect();
            Box::pin(async move { Ok(LogPage { events, up_to }) })
        }

        fn wait(&self, _: u64) -> LogFuture<'_, ()> {
            Box::pin(std::future::pending())
        }
    }

    /// One who reads the log from its beginning.
    async fn historian(filter: EventFilter, ending: &watch::Sender<bool>) -> Client {
        let feed = StoredFeed::new(Arc::new(Long), "events", LIMITS);
        let (reader, is_known) = feed.reader(Some("0")).await.unwrap();
        assert!(is_known);
        client(EventReader::Stored(reader), feed.changes(), filter, ending)
    }

    #[tokio::test]
    async fn a_client_that_wants_none_of_a_long_log_gets_its_place_on_the_way() {
        let ending = watch::Sender::new(false);
        let mut client = historian(EventFilter::by("text", "b"), &ending).await;
        for round in 1..=10 {
            let (frame, next) = client.next().await;
            let sent = format!("id: {}\n\n", round * 1000);
            assert_eq!(frame, sent.as_bytes());
            client = next.expect("it goes on");
        }
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_who_reads_a_long_log() {
        let ending = watch::Sender::new(false);
        let mut client = historian(EventFilter::default(), &ending).await;
        let (_, next) = client.next().await;
        client = next.expect("it goes on");
        ending.send_replace(true);
        let mut frames = 0;
        let end = loop {
            let (frame, next) = client.next().await;
            frames += 1;
            match next {
                Some(next) => client = next,
                None => break frame,
            }
        };
        assert!(frames <= 2, "{frames}");
        assert!(end.starts_with(format!(": {STOPPING}\nid: ").as_bytes()));
    }
}
