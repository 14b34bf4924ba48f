//! [`Listening`]: an open address: accepts connections, within bounds, and ends them in order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::guarded::{catch, said};
use crate::http::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::settings::Settings;
use crate::http::site::Site;
use crate::race::race;

/// How long accepting rests when the machine has nothing left to accept with.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// The most bytes of headers, and of what is read ahead.
const HEADER_BYTES: usize = 64 * 1024;

/// The most headers of a request.
const HEADERS: usize = 100;

/// How many requests one connection of HTTP/2 may have at work.
const STREAMS: u32 = 200;

/// An open address.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    pub(super) site: Arc<Site>,
    /// Set once nothing more is to be accepted.
    closing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// Opens the address.
    ///
    /// # Errors
    /// If it is no address, or is taken.
    pub(super) async fn open(address: &str, site: Arc<Site>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let closing = watch::Sender::new(false);
        let accepting = accept(listener, Arc::clone(&site), closing.subscribe());
        let accepting = tokio::spawn(accepting);
        Ok(Listening {
            address,
            site,
            closing,
            accepting,
        })
    }

    /// Accepts nothing more; requests that come on open connections are still answered.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Ends streams of events, and waits until all connections have ended.
    pub(super) async fn end(mut self) {
        self.close();
        self.site.end();
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Listening {
    /// Whoever could not wait for the end: nothing more is accepted, streams end, and connections are told to.
    fn drop(&mut self) {
        self.site.end();
        self.accepting.abort();
    }
}

/// Accepts until it is told to stop, and then waits for the connections.
async fn accept(listener: TcpListener, site: Arc<Site>, closing: watch::Receiver<bool>) {
    let connections = Connections::new(site);
    let mut accepting = closing.clone();
    let forever = async { while connections.accept(&listener).await {} };
    let told = async {
        let _ = accepting.wait_for(|closing| *closing).await;
    };
    let system = connections.site.system.clone();
    race(race(told, system.stop_begun()), forever).await;
    drop(listener); // Who comes now is refused by the machine itself.
    connections.graceful.shutdown().await;
}

/// What all connections of an address have in common.
struct Connections {
    site: Arc<Site>,
    graceful: GracefulShutdown,
    /// One for each connection that may be open.
    room: Arc<Semaphore>,
    requests: Option<Arc<Semaphore>>,
    pace: Pace,
}

/// How fast connections are accepted.
struct Pace {
    interval: Option<Duration>,
    next: std::sync::Mutex<Instant>,
}

impl Pace {
    async fn turn(&self) {
        let Some(interval) = self.interval else {
            return;
        };
        let turn = {
            let mut next = crate::sync::lock(&self.next);
            let turn = (*next).max(Instant::now());
            *next = turn + interval;
            turn
        };
        sleep_until(turn).await;
    }
}

impl Connections {
    fn new(site: Arc<Site>) -> Self {
        let settings = &site.settings;
        let rate = settings.accept_rate.filter(|rate| *rate > 0);
        Connections {
            graceful: GracefulShutdown::new(),
            room: Arc::new(Semaphore::new(settings.max_connections)),
            requests: settings
                .max_requests
                .map(|most| Arc::new(Semaphore::new(most))),
            pace: Pace {
                interval: rate.map(|rate| Duration::from_secs(1) / rate),
                next: std::sync::Mutex::new(Instant::now()),
            },
            site,
        }
    }

    /// Accepts one connection, once there is room for it. Whether there may be more.
    async fn accept(&self, listener: &TcpListener) -> bool {
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else {
            return false;
        };
        self.pace.turn().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let connection = Connection {
                    site: Arc::clone(&self.site),
                    requests: self.requests.clone(),
                    has_asked: AtomicBool::new(false),
                };
                tokio::spawn(serve(connection, stream, self.graceful.watcher(), room));
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(EXHAUSTED).await;
            }
        }
        true
    }
}

/// Whether the client went away before it was accepted.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

struct Connection {
    site: Arc<Site>,
    requests: Option<Arc<Semaphore>>,
    /// Whether a request has come.
    has_asked: AtomicBool,
}

/// Serves one connection to its end.
async fn serve(
    connection: Connection,
    stream: TcpStream,
    watcher: Watcher,
    room: OwnedSemaphorePermit,
) {
    let settings = Arc::clone(&connection.site.settings);
    let connection = Arc::new(connection);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(settings.write_timeout));
    let answering = Arc::clone(&connection);
    let service = service_fn(move |request| {
        let connection = Arc::clone(&answering);
        async move { Ok::<_, std::convert::Infallible>(connection.answer(request).await) }
    });
    let builder = builder(&settings);
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(Box::pin(stream)), service);
    let serving = async {
        if let Err(error) = watcher.watch(serving).await {
            tracing::debug!(%error, "a connection ended early");
        }
    };
    // A client that sends nothing has not even said which version of HTTP it speaks, so nobody else looks at the clock.
    let silent = async {
        sleep(settings.header_timeout).await;
        if connection.has_asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    race(serving, silent).await;
    drop(room);
}

fn builder(settings: &Settings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_BYTES as u32)
        .keep_alive_interval(settings.header_timeout)
        .keep_alive_timeout(settings.header_timeout);
    builder
}

impl Connection {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Response {
        self.has_asked.store(true, Ordering::Relaxed);
        let requests = self.requests.as_ref();
        let place = requests.map(|requests| Arc::clone(requests).try_acquire_owned());
        if let Some(Err(_)) = place {
            let id = RequestId::of(request.headers());
            return Details::unavailable("the server is too busy").answer(&id);
        }
        let id = RequestId::given(request.headers());
        let answering = self.site.router().oneshot(request.map(Body::new));
        match catch(answering).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => {
                let id = id.unwrap_or_else(RequestId::fresh);
                let panic = said(&*panic);
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
