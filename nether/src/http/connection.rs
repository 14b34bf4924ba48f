//! [`Connection`]: one client, from its first byte to its last, within bounds of time and length.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
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

use crate::guarded::{catch, said};
use crate::http::front::Front;
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
type Ended = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// An open connection.
pub(super) struct Connection {
    front: Arc<Front>,
    /// One for each request that may be at work, if that is bounded.
    requests: Option<Arc<Semaphore>>,
    /// How many requests have come.
    come: AtomicU64,
    /// How many of them have not been answered to the last byte.
    at_work: AtomicU32,
}

impl Connection {
    pub(super) fn new(front: Arc<Front>, requests: Option<Arc<Semaphore>>) -> Arc<Self> {
        Arc::new(Connection {
            front,
            requests,
            come: AtomicU64::new(0),
            at_work: AtomicU32::new(0),
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
        race(
            serving,
            self.silent(self.front.site.settings.header_timeout),
        )
        .await;
        drop(room);
    }

    /// Serves it to its end. On the heap, where it is as large as it is and no larger: there may be very many.
    fn serving(self: &Arc<Self>, stream: TcpStream, watcher: Watcher) -> BoxFuture<Ended> {
        let settings = &self.front.site.settings;
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(settings.write_timeout));
        let answering = Arc::clone(self);
        let service = service_fn(move |request| {
            let connection = Arc::clone(&answering);
            async move { Ok::<_, Infallible>(connection.answer(request).await) }
        });
        let builder = builder(settings.header_timeout);
        let io = TokioIo::new(Box::pin(stream));
        let serving = builder.serve_connection_with_upgrades(io, service);
        Box::pin(watcher.watch(serving.into_owned()))
    }

    /// Waits until the client has gone without a request for `patience`, or up to twice as long: it sends nothing, or its headers too
    /// slowly. One clock for a connection is all this takes; hyper's own would be set for each request, and only once the
    /// client has said which version of HTTP it speaks.
    async fn silent(&self, patience: Duration) {
        let mut come = 0;
        loop {
            sleep(patience).await;
            let is_idle = self.at_work.load(Ordering::Relaxed) == 0;
            let before = std::mem::replace(&mut come, self.come.load(Ordering::Relaxed));
            if is_idle && before == come {
                return;
            }
        }
    }

    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Response<Answering> {
        self.come.fetch_add(1, Ordering::Relaxed);
        self.at_work.fetch_add(1, Ordering::Relaxed);
        let at_work = AtWork(Arc::clone(&self));
        let response = self.response(request).await;
        response.map(|body| Answering {
            body,
            _at_work: at_work,
        })
    }

    async fn response(&self, request: hyper::Request<Incoming>) -> Response {
        let given = RequestId::given(request.headers());
        let id = move || given.unwrap_or_else(RequestId::fresh);
        let requests = self.requests.as_ref();
        let place = requests.map(|requests| Arc::clone(requests).try_acquire_owned());
        if let Some(Err(_)) = place {
            return Details::unavailable("the server is too busy").answer(&id());
        }
        match catch(self.front.answer(request.map(Body::new))).await {
            Ok(response) => response,
            Err(panic) => {
                let (id, panic) = (id(), said(&*panic));
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

/// A request that has not been answered to the last byte.
struct AtWork(Arc<Connection>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, while it is sent.
struct Answering {
    body: Body,
    _at_work: AtWork,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
