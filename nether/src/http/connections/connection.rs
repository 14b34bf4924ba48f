//! [`Connection`]: one client, from its first byte to its last, within bounds of time and length.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue};
use axum::http::{Method, Version};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep};

use crate::escaped::Escaped;
use crate::guarded::{catch, panic_text};
use crate::http::access::cors;
use crate::http::access::known_host::KnownHost;
use crate::http::admission::{AnswerMarks, admit};
use crate::http::connections::answering::{Activity, Answering, AtWork};
use crate::http::connections::body::{Intake, RequestBody};
use crate::http::connections::cut_off;
use crate::http::connections::ending::end;
use crate::http::connections::expectation::awaits_continue;
use crate::http::connections::patience::StreamExecutor;
use crate::http::connections::permits::Permits;
use crate::http::connections::phase::Phase;
use crate::http::connections::received::{ReceivedBody, ReceivedRequest};
use crate::http::connections::seldom::Seldom;
use crate::http::connections::to_the_end::ToTheEnd;
use crate::http::connections::upgrade::Upgrade;
use crate::http::connections::wire::{Traffic, Wire};
use crate::http::gateway::Gateway;
use crate::http::observation::RequestObserver;
use crate::http::rare_headers::RareHeaders;
use crate::http::replies::failure_log::refused;
use crate::http::replies::problem::Details;
use crate::http::request_scope::RequestWishes;

use crate::race::race;
use crate::route::BoxFuture;

/// The most bytes of headers, and of what is read ahead.
const HEADER_BYTES: usize = 64 * 1024;

/// The most headers of a request.
const HEADERS: usize = 100;

/// How many requests one connection of HTTP/2 may have at work.
const STREAMS: u32 = 100;

/// How a connection ended.
type ServeResult = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// An open connection.
pub(crate) struct Connection {
    gateway: Arc<Gateway>,
    /// The address that has opened it.
    peer: SocketAddr,
    known_host: KnownHost,
    permits: Permits,
    activity: Arc<Activity>,
    traffic: Arc<Traffic>,
    /// Notified once what is at work is cut off.
    cut_off: Notify,
}

impl Connection {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        requests: Arc<Semaphore>,
        peer: SocketAddr,
    ) -> Arc<Self> {
        Arc::new(Connection {
            gateway,
            peer,
            known_host: KnownHost::default(),
            permits: Permits::new(requests, 2 * STREAMS as usize),
            activity: Arc::default(),
            traffic: Arc::default(),
            cut_off: Notify::new(),
        })
    }

    /// Serves it to its end. `room` is its place among those that may be open; `phase` says when it is to
    /// end, and is held until it has.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        phase: watch::Receiver<Phase>,
        room: Option<OwnedSemaphorePermit>,
    ) {
        let serving = self.serving(stream, phase.clone(), room);
        let serving = async {
            if let Err(error) = serving.await {
                tracing::debug!(error = %Escaped(&error), "a connection ended early");
            }
        };
        let silent = pin!(self.silent());
        race(serving, Seldom::new(silent)).await;
        if let Some(upgrade) = self.traffic.upgrade() {
            let system = &self.gateway.state.system;
            Box::pin(upgrade.until_closed(phase, system)).await;
        }
    }

    /// Serves it to its end. On the heap, where it is as large as it is and no larger: there may be very
    /// many.
    fn serving(
        self: &Arc<Self>,
        stream: TcpStream,
        mut phase: watch::Receiver<Phase>,
        room: Option<OwnedSemaphorePermit>,
    ) -> BoxFuture<ServeResult> {
        let (connection, accepted) = (Arc::clone(self), Instant::now());
        Box::pin(async move {
            let settings = &connection.gateway.state.settings;
            let traffic = Arc::clone(&connection.traffic);
            let wire = Wire::new(stream, settings.write_timeout, traffic, room);
            let answering = Arc::clone(&connection);
            let service = service_fn(move |request| Arc::clone(&answering).answer(request));
            let builder = builder(settings.header_timeout, settings.write_timeout);
            let serving = builder.serve_connection_with_upgrades(TokioIo::new(wire), service);
            let mut serving = pin!(serving);
            let served = {
                let served = async { Some(serving.as_mut().await) };
                let ending = pin!(async {
                    let _ = phase.wait_for(|phase| *phase > Phase::Open).await;
                    None
                });
                race(served, Seldom::new(ending)).await
            };
            match served {
                Some(served) => served,
                None => {
                    let cut_off = || connection.cut_off();
                    let (activity, traffic) = (&*connection.activity, &*connection.traffic);
                    end(serving, activity, traffic, &mut phase, accepted, cut_off).await
                }
            }
        })
    }

    /// Answers what is at work with 503. Answers that are being sent are cut off as they are.
    fn cut_off(&self) {
        let torn = self.activity.sending();
        self.gateway.state.system.note_requests_cut_off(torn);
        self.activity.cut_off();
        self.cut_off.notify_waiters();
    }

    /// Waits until the client has done nothing for as long as it may, or up to twice as long: it sends no
    /// request, or its headers too slowly, or reads nothing of its answers. One clock for a connection is all
    /// this takes; hyper's own would be set for each request, only once the client has said which version of
    /// HTTP it speaks, and for no stream of HTTP/2.
    async fn silent(&self) {
        let settings = &self.gateway.state.settings;
        let activity = &self.activity;
        let mut moved = 0;
        loop {
            let patience = match activity.is_idle() {
                true => settings.header_timeout,
                false => settings.write_timeout,
            };
            sleep(patience).await;
            let before = std::mem::replace(&mut moved, activity.moved());
            if before == moved && activity.waits_for_the_client() {
                return;
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        mut request: hyper::Request<Incoming>,
    ) -> Result<Response<Answering>, Infallible> {
        let asked = (request.method().clone(), request.uri().clone());
        let observer = RequestObserver::begin(&self.gateway.state, self.peer, &mut request);
        let mut at_work = AtWork::begin(&self.activity, asked, observer);
        let observer = at_work.observer.as_deref();
        let answer = self.in_bounds(request, &at_work);
        let response = RequestObserver::answered(observer, answer).await;
        if let Some(observer) = &mut at_work.observer {
            observer.note_answer(response.status(), response.headers());
        }
        Ok(response.map(|body| Answering::new(body, at_work)))
    }

    /// Answers within the bounds that hold for all requests, whatever answers them.
    async fn in_bounds(&self, request: hyper::Request<Incoming>, at_work: &AtWork) -> Response {
        self.traffic.complete();
        let state = &self.gateway.state;
        let cors = match &state.settings.cors {
            Some(layer) if !state.is_private => {
                // Boxed, so that what is rare makes no request larger.
                let headers = Box::pin(cors::headers(layer, &request)).await;
                Some(Box::new(headers))
            }
            _ => None,
        };
        let is_http_1 = request.version() < Version::HTTP_2;
        let intake = (!request.body().is_end_stream())
            .then(|| Intake::new(&state.shared.bodies, &state.settings));
        let (marks, begun) = self.begin(request, intake.as_ref(), cors);
        let mut response = match begun {
            Err(refusal) => refusal,
            Ok(making) => {
                let answered = async { Some(answered(making, &marks).await) };
                let cut_off = async {
                    self.is_cut_off(is_http_1).await;
                    None
                };
                match race(answered, cut_off).await {
                    Some(response) => response,
                    None => cut_off::answer(state, &at_work.asked, &marks.request_id()),
                }
            }
        };
        if let Some(details) = intake.and_then(|intake| intake.refusal())
            && response.status().as_u16() >= 400
        {
            response = details.answer(&marks.request_id());
        }
        if let Some(upgrade) = Upgrade::of(&response, &at_work.asked, || marks.request_id()) {
            self.traffic.leave_http(upgrade);
        }
        if is_http_1 && (self.traffic.is_abandoned() || self.activity.is_cut_off()) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        marks.mark(&mut response);
        if at_work.asked.0 == Method::HEAD {
            leave_out_body(&mut response);
        }
        response
    }

    /// Looks at a request, and begins to answer it; or refuses it.
    fn begin(
        &self,
        request: hyper::Request<Incoming>,
        intake: Option<&Arc<Intake>>,
        cors: Option<Box<HeaderMap>>,
    ) -> (AnswerMarks, Result<ToTheEnd, Response>) {
        let state = &self.gateway.state;
        let (parts, incoming) = request.into_parts();
        let rare = RareHeaders::of(&parts.headers);
        let rarely = rare.among(&parts.headers);
        let expected = awaits_continue(rarely, parts.version);
        let wishes = RequestWishes::of(rarely);
        let body = match intake {
            Some(intake) => {
                let is_awaited = *expected.as_ref().unwrap_or(&true);
                let body = RequestBody::of(incoming, is_awaited, intake, &self.traffic);
                ReceivedBody::Direct(body)
            }
            None => ReceivedBody::Nothing,
        };
        let id = wishes.id.clone();
        let (marks, refusal) = admit(state, &parts, rare, id, cors, &self.known_host);
        let refusal = refusal.or_else(|| Some(expected.err()?.answer(&marks.request_id())));
        if let Some(refusal) = refusal {
            return (marks, Err(refusal));
        }
        let permit = match self.permits.take(intake.cloned()) {
            Ok(permit) => permit,
            Err(why) => {
                refused(&why);
                let busy = Details::unavailable("the server is too busy");
                let busy = busy.answer(&marks.request_id());
                return (marks, Err(busy));
            }
        };
        let client = state.settings.proxies.client(self.peer, &parts.headers);
        let begun = self.gateway.answer(ReceivedRequest {
            parts,
            body,
            rare,
            wishes,
            permit,
            client: Some(client),
        });
        (marks, begun.map_err(|refusal| *refusal))
    }

    /// Waits until what is at work is cut off. On HTTP/1, that is done in the task of the connection, where
    /// its one request is at work too: the code that cuts off polls this next.
    async fn is_cut_off(&self, is_http_1: bool) {
        if is_http_1 {
            let is_cut_off = |_: &mut Context<'_>| match self.activity.is_cut_off() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            };
            return poll_fn(is_cut_off).await;
        }
        let notified = self.cut_off.notified();
        if !self.activity.is_cut_off() {
            notified.await;
        }
    }
}

/// The answer that is being made, or one that says that its maker panicked.
async fn answered(making: ToTheEnd, marks: &AnswerMarks) -> Response {
    match catch(making).await {
        Ok(mut response) => {
            Gateway::settle(&mut response);
            response
        }
        Err(panic) => {
            let (id, panic) = (marks.request_id(), panic_text(&*panic));
            tracing::error!(
                request_id = id.as_str(),
                panic,
                "a request's handler panicked"
            );
            Details::internal().answer(&id)
        }
    }
}

/// Leaves out what the answer to a HEAD must not have (RFC 9110, section 9.3.2). axum does so for what its
/// routers answer, and hyper for HTTP/1 alone.
fn leave_out_body(response: &mut Response) {
    if response.body().is_end_stream() {
        return;
    }
    let body = std::mem::take(response.body_mut());
    if let Some(length) = body.size_hint().exact() {
        let headers = response.headers_mut();
        headers.entry(CONTENT_LENGTH).or_insert(length.into());
    }
}

fn builder(patience: Duration, write_timeout: Duration) -> Builder<StreamExecutor> {
    let mut builder = Builder::new(StreamExecutor {
        patience: write_timeout,
    });
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
