//! [`Connection`]: one client, from its first byte to its last, within bounds of time and length.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_io_timeout::TimeoutStream;

use crate::guarded::{catch, panic_text};
use crate::http::admission::admit;
use crate::http::gateway::Gateway;
use crate::http::problem::Details;
use crate::http::request_id::RequestId;

use crate::race::race;
use crate::route::BoxFuture;

/// The most bytes of headers, and of what is read ahead.
const HEADER_BYTES: usize = 64 * 1024;

/// The most headers of a request.
const HEADERS: usize = 100;

/// How many requests one connection of HTTP/2 may have at work.
const STREAMS: u32 = 200;

/// How a connection ended.
type ServeResult = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// The most bytes of an answer that are handed on at once: what is behind them waits for the client to have
/// read, so that it is known who reads.
const PIECE: usize = 64 * 1024;

/// The place of a request among those that may be at work, for as long as somebody has it.
#[derive(Debug, Clone)]
pub(super) struct RequestPermit(#[expect(dead_code)] Arc<OwnedSemaphorePermit>);

/// An open connection.
pub(super) struct Connection {
    gateway: Arc<Gateway>,
    /// The address of the client.
    peer: SocketAddr,
    /// One for each request that may be at work, if that is bounded.
    requests: Option<Arc<Semaphore>>,
    /// How many requests have come, and pieces of answers gone.
    moved: AtomicU64,
    /// How many requests have not been answered to the last piece.
    at_work: AtomicU32,
    /// How many of them wait for the client to read.
    unread: AtomicU32,
}

impl Connection {
    pub(super) fn new(
        gateway: Arc<Gateway>,
        peer: SocketAddr,
        requests: Option<Arc<Semaphore>>,
    ) -> Arc<Self> {
        Arc::new(Connection {
            gateway,
            peer,
            requests,
            moved: AtomicU64::new(0),
            at_work: AtomicU32::new(0),
            unread: AtomicU32::new(0),
        })
    }

    /// Serves it to its end. `room` is its place among those that may be open.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        watcher: Watcher,
        room: OwnedSemaphorePermit,
    ) {
        let serving = self.serving(stream, watcher);
        let serving = async {
            if let Err(error) = serving.await {
                tracing::debug!(%error, "a connection ended early");
            }
        };
        race(serving, self.silent()).await;
        drop(room);
    }

    /// Serves it to its end. On the heap, where it is as large as it is and no larger: there may be very
    /// many.
    fn serving(self: &Arc<Self>, stream: TcpStream, watcher: Watcher) -> BoxFuture<ServeResult> {
        let settings = &self.gateway.state.settings;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(settings.write_timeout));
        let answering = Arc::clone(self);
        let service = service_fn(move |request| Arc::clone(&answering).answer(request));
        let builder = builder(settings.header_timeout);
        let io = TokioIo::new(Box::pin(stream));
        let serving = builder.serve_connection_with_upgrades(io, service);
        Box::pin(watcher.watch(serving.into_owned()))
    }

    /// Waits until the client has done nothing for as long as it may, or up to twice as long: it sends no
    /// request, or its headers too slowly, or reads nothing of its answers. One clock for a connection is all
    /// this takes; hyper's own would be set for each request, only once the client has said which version of
    /// HTTP it speaks, and for no stream of HTTP/2.
    async fn silent(&self) {
        let settings = &self.gateway.state.settings;
        let mut moved = 0;
        loop {
            let patience = match self.at_work.load(Ordering::Relaxed) {
                0 => settings.header_timeout,
                _ => settings.write_timeout,
            };
            sleep(patience).await;
            let before = std::mem::replace(&mut moved, self.moved.load(Ordering::Relaxed));
            if before == moved && self.waits_for_the_client() {
                return;
            }
        }
    }

    fn waits_for_the_client(&self) -> bool {
        self.at_work.load(Ordering::Relaxed) == self.unread.load(Ordering::Relaxed)
    }

    async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response<Answering>, Infallible> {
        let mut at_work = AtWork::begin(&self);
        let response = self.marked(request).await;
        at_work.hand_on();
        Ok(response.map(|body| Answering {
            body,
            rest: Bytes::new(),
            at_work,
        }))
    }

    /// Answers within what holds for all requests, whatever answers them.
    async fn marked(&self, request: hyper::Request<Incoming>) -> Response {
        let (mut parts, body) = request.into_parts();
        let (marks, refusal) = admit(&self.gateway.state, self.peer, &mut parts).await;
        let mut response = match refusal {
            Some(refusal) => refusal,
            None => self.response(hyper::Request::from_parts(parts, body)).await,
        };
        marks.mark(&mut response);
        response
    }

    async fn response(&self, mut request: hyper::Request<Incoming>) -> Response {
        let given = RequestId::given(request.headers());
        let id = move || given.unwrap_or_else(RequestId::fresh);
        if let Some(requests) = &self.requests {
            let Ok(place) = Arc::clone(requests).try_acquire_owned() else {
                return Details::unavailable("the server is too busy").answer(&id());
            };
            request
                .extensions_mut()
                .insert(RequestPermit(Arc::new(place)));
        }
        match catch(self.gateway.answer(request.map(Body::new))).await {
            Ok(response) => response,
            Err(panic) => {
                let (id, panic) = (id(), panic_text(&*panic));
                tracing::error!(
                    request_id = id.as_str(),
                    panic,
                    "a request's handler panicked"
                );
                Details::internal().answer(&id)
            }
        }
    }
}

fn builder(patience: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .header_read_timeout(None)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32)
        .keep_alive_interval(patience)
        .keep_alive_timeout(patience);
    builder
}

/// A request that has not been answered to the last piece.
struct AtWork {
    connection: Arc<Connection>,
    /// Whether a piece of its answer was handed on and the next one has not been asked for: it waits for the
    /// client.
    is_unread: bool,
}

impl AtWork {
    fn begin(connection: &Arc<Connection>) -> Self {
        connection.moved.fetch_add(1, Ordering::Relaxed);
        connection.at_work.fetch_add(1, Ordering::Relaxed);
        AtWork {
            connection: Arc::clone(connection),
            is_unread: false,
        }
    }

    /// It waits for the client from now on.
    fn hand_on(&mut self) {
        self.is_unread = true;
        self.connection.unread.fetch_add(1, Ordering::Relaxed);
    }

    /// It does not wait for the client any more.
    fn go_on(&mut self) {
        if std::mem::take(&mut self.is_unread) {
            self.connection.moved.fetch_add(1, Ordering::Relaxed);
            self.connection.unread.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.go_on();
        self.connection.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, while it is sent.
struct Answering {
    body: Body,
    /// What has come of the body, and was not handed on.
    rest: Bytes,
    at_work: AtWork,
}

impl Answering {
    /// The next piece of what has come.
    fn piece(&mut self) -> Frame<Bytes> {
        self.at_work.hand_on();
        Frame::data(self.rest.split_to(self.rest.len().min(PIECE)))
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.at_work.go_on();
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(data) => {
                    self.rest = data;
                    self.piece()
                }
                Err(trailers) => trailers,
            }))),
            end => Poll::Ready(end),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (of_body, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(of_body.lower() + rest);
        hint
    }
}
