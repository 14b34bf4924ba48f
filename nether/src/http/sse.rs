//! Endpoints of events: a stream of server-sent events (WHATWG HTML, section 9.2) from a [`Feed`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Frame};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::endpoint::{EndpointEntry, Shape};
use crate::http::feed::{EventFields, Feed, NextEvent};
use crate::http::input::Input;
use crate::http::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::server_state::ServerState;
use crate::race::race;
use crate::route::BoxFuture;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// The first thing that a client gets: so it knows that the stream is open.
const OPEN: Bytes = Bytes::from_static(b": open\n\n");
const ALIVE: Bytes = Bytes::from_static(b": alive\n\n");
const STOPPING: Bytes = Bytes::from_static(b": the server is stopping\n\n");

/// The most values that a client may filter by: each is looked at for each event.
const FILTERS: usize = 100;

/// How many bytes of events that wait are sent at once.
const BATCH: usize = 16 * 1024;

/// Serves a request for a stream of events.
pub(super) async fn serve(
    endpoint: &'static EndpointEntry,
    feed: Arc<Feed>,
    state: Arc<ServerState>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let filter = match filter(endpoint, &parts.uri) {
        Ok(filter) => filter,
        Err(details) => return details.answer_to(&parts),
    };
    let (place, greeting) = begin(&feed, &parts.headers);
    let client = Client {
        place,
        changes: feed.changes(),
        feed,
        filter,
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
    let mut response = (headers, Body::new(body)).into_response();
    if let Some(id) = RequestId::given(&parts.headers) {
        id.mark(response.headers_mut());
    }
    response
}

/// Where a client begins, and what it is told at first.
fn begin(feed: &Feed, headers: &HeaderMap) -> (u64, Bytes) {
    let Some(last) = headers.get(LAST_EVENT_ID) else {
        return (feed.now(), OPEN);
    };
    match last.to_str().ok().and_then(|last| feed.after(last)) {
        Some(place) => (place, OPEN),
        // It was here before the program was started anew: nobody knows what it missed.
        None => (feed.now(), missed("null")),
    }
}

/// Tells a client that it missed events: how many, or `null`, in an event of the type `missed`.
fn missed(count: impl std::fmt::Display) -> Bytes {
    format!("event: missed\ndata: {count}\n\n").into()
}

/// Which events a client wants: those whose fields have these values. Names that come again stand together.
type Filter = Vec<(String, String)>;

/// The filter that path and query are.
fn filter(endpoint: &EndpointEntry, uri: &Uri) -> Result<Filter, Details> {
    let (_, declared) = endpoint.place();
    let mut input = Input::default();
    input.path(declared, uri.path())?;
    if let Some(query) = uri.query() {
        input.query(query)?;
    }
    if input.texts.len() > FILTERS {
        let detail = format!("more than {FILTERS} values to filter by");
        return Err(Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    for (name, _) in &input.texts {
        check_name(endpoint, name)?;
    }
    let texts = input.texts.into_iter();
    let owned = texts.map(|(name, value)| (name.into_owned(), value.into_owned()));
    Ok(owned.collect())
}

fn check_name(endpoint: &EndpointEntry, name: &str) -> Result<(), Details> {
    let Shape::Fields(fields) = endpoint.shape else {
        return Ok(());
    };
    let is_known = |name: &str| {
        fields
            .iter()
            .any(|field| field.is_flat || field.name == name)
    };
    if is_known(name) {
        return Ok(());
    }
    let names: Vec<String> = fields.iter().map(|it| format!("`{}`", it.name)).collect();
    let detail = format!(
        "the event has no field `{name}` to filter by; its fields are {}",
        names.join(", ")
    );
    let details = Details::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    Err(details.in_field(Some(name.to_owned())))
}

/// Whether the event has, in each of the fields, one of the values.
fn wants(filter: &Filter, event: &EventFields) -> bool {
    let mut fields = filter.chunk_by(|(left, _), (right, _)| left == right);
    fields.all(|values| {
        let mut values = values.iter();
        values.any(|(name, text)| event.get(name).is_some_and(|value| is(value, text)))
    })
}

fn is(value: &RawValue, text: &str) -> bool {
    match value.get().as_bytes() {
        [b'"', ..] => serde_json::from_str::<String>(value.get()).is_ok_and(|it| it == text),
        [b'{' | b'[' | b'n', ..] => false, // An object, an array, null.
        _ => value.get() == text,
    }
}

/// One who listens.
struct Client {
    feed: Arc<Feed>,
    /// The place of the next event.
    place: u64,
    filter: Filter,
    changes: watch::Receiver<Option<u64>>,
    /// Set when the server stops.
    ending: watch::Receiver<bool>,
    /// The place where the stream ends; known once it is to end.
    last: Option<u64>,
    /// After how much silence it is told that the stream lives.
    keep_alive: Duration,
}

/// What a client is sent, and who it is; nobody any more after the last of it.
type NextChunk = (Bytes, Option<Client>);

impl Client {
    /// Waits for the next thing to send.
    async fn next(mut self) -> NextChunk {
        loop {
            self.changes.mark_unchanged();
            if self.reach_end() {
                return (STOPPING, None);
            }
            let ready = self.ready();
            if !ready.is_empty() {
                return (ready, Some(self));
            }
            if self.last.is_some() {
                continue; // It has been told all.
            }
            let changed = async { self.changes.changed().await.is_ok() };
            let ended = async { self.ending.changed().await.is_ok() };
            if timeout(self.keep_alive, race(changed, ended))
                .await
                .is_err()
            {
                return (ALIVE, Some(self));
            }
        }
    }

    /// Whether it has been told all, up to when the stream was told to end: others may go on publishing.
    fn reach_end(&mut self) -> bool {
        let is_closed = *self.ending.borrow() || self.ending.has_changed().is_err();
        let is_to_end = self.changes.borrow().is_none() || is_closed;
        if is_to_end && self.last.is_none() {
            self.last = Some(self.feed.now());
        }
        self.last.is_some_and(|last| self.place >= last)
    }

    /// What is there already.
    fn ready(&mut self) -> Bytes {
        let mut frames: Vec<Bytes> = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH {
            let frame = match self.feed.at(self.place) {
                NextEvent::Nothing => break,
                NextEvent::Missed(count) => {
                    self.place += count;
                    missed(count)
                }
                NextEvent::Event(event) => {
                    self.place += 1;
                    if !wants(&self.filter, &event.fields) {
                        continue;
                    }
                    event.frame.clone()
                }
            };
            bytes += frame.len();
            frames.push(frame);
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
    use crate::http::feed::Feed;

    #[tokio::test]
    async fn a_stream_that_is_to_end_does_not_wait_for_the_end_of_events() {
        let feed = Arc::new(Feed::new(10));
        let ending = watch::Sender::new(false);
        let mut client = Client {
            place: feed.now(),
            changes: feed.changes(),
            feed: Arc::clone(&feed),
            filter: vec![("wanted".to_owned(), "true".to_owned())],
            ending: ending.subscribe(),
            last: None,
            keep_alive: Duration::from_secs(1),
        };
        let publish = |text: &str, wanted: bool| {
            let wanted = to_raw_value(&wanted).unwrap();
            feed.push(text, [("wanted".to_owned(), wanted)].into());
        };
        publish("before", true);
        publish("before, for others", false);
        ending.send_replace(true);
        let mut told = Vec::new();
        for _ in 0..3 {
            let (frame, next) = client.next().await;
            told.push(frame);
            let Some(next) = next else { break };
            client = next;
            publish("after", true);
        }
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].ends_with(b"data: before\n\n"), "{told:?}");
        assert_eq!(told[1], STOPPING);
    }
}
