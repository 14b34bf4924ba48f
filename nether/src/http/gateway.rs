//! [`Gateway`]: where requests come in at one address: the endpoints of the program and the routes that were
//! added, as one router.
//!
//! The order in which a request is offered: routers added at run time (the newest first), `#[routes]`,
//! endpoints, operations, folders of files. What knows its path answers it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{Extensions, Method, StatusCode};
use axum::middleware::map_request;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;

use crate::guarded::panic_text;
use crate::http::access::cors;
use crate::http::connections::permits::RequestPermit;
use crate::http::connections::received::ReceivedRequest;
use crate::http::connections::to_the_end::ToTheEnd;
use crate::http::custom_routes;
use crate::http::endpoints::entry::{EndpointEntry, EndpointKind, RoutesRegistration};
use crate::http::endpoints::presence::{Presence, PresentEndpoints, present};
use crate::http::endpoints::table::EndpointTable;
use crate::http::events;
use crate::http::events::feed::FeedLimits;
use crate::http::events::source::EventSource;
use crate::http::events::sse;
use crate::http::files;
use crate::http::identity::guard::{self, Guard};
use crate::http::layers::{OfLayers, ServedRequests};
use crate::http::observation::ObservedRequest;
use crate::http::observation::observed::{note_matched_route, note_route};
use crate::http::operations;
use crate::http::replies::allow;
use crate::http::replies::encodings;
use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::server::settings::ServerSettings;
use crate::http::server::state::{ServerShared, ServerState};
use crate::sync::lock;
use crate::system::System;

/// Where requests come in. Each open connection has it, and who opened the address.
pub(super) struct Gateway {
    pub(super) state: Arc<ServerState>,
    routes: Arc<ArcSwap<GatewayRoutes>>,
    /// The layers of the server around it, if there are any.
    layered: Option<ServedRequests>,
    /// The routers of `#[routes]`, each made once: see [`rebuilding`](Gateway::rebuilding). What a layer of
    /// theirs keeps (the counts of a rate limit) lasts while modules come and go.
    written: Vec<Router<System>>,
    /// For which endpoints the router was made.
    present: Presence,
    /// Held while a router is made and stored. Without it, an older one could be stored last. The user's
    /// functions never run under it: one that takes long would block the threads of the requests that see the
    /// change too, and one that asks this server would wait for itself.
    rebuilding: Mutex<()>,
}

/// The routes: which endpoint or handler answers at which path.
#[derive(Debug, Default)]
struct GatewayRoutes {
    /// The endpoints that nothing stands before or around, for a look before the router's.
    endpoints: EndpointTable,
    router: Router,
}

impl Gateway {
    /// What clients are served.
    pub(super) fn public(
        system: System,
        settings: Arc<ServerSettings>,
        shared: Arc<ServerShared>,
    ) -> Arc<Self> {
        Gateway::new(ServerState::new(system, settings, shared, false))
    }

    /// What those are served who run the system.
    pub(super) fn private(system: System, settings: Arc<ServerSettings>) -> Arc<Self> {
        Gateway::new(ServerState::new(system, settings, Arc::default(), true))
    }

    fn new(state: Arc<ServerState>) -> Arc<Self> {
        let routes: Arc<ArcSwap<GatewayRoutes>> = Arc::default();
        let layers = Some(&state.settings.layers).filter(|_| !state.is_private);
        let layered = layers.and_then(|layers| {
            let routes = Arc::clone(&routes);
            layers.around(move || routes.load().router.clone(), strip_permit)
        });
        let written = match state.is_private {
            true => Vec::new(),
            false => registered_routes().map(|routes| (routes.build)()).collect(),
        };
        let gateway = Arc::new(Gateway {
            layered,
            state,
            routes,
            written,
            present: Presence::default(),
            rebuilding: Mutex::default(),
        });
        gateway.rebuild();
        gateway
    }

    /// Takes in what was added, and the modules that came or went.
    pub(super) fn rebuild(&self) {
        let rebuilding = lock(&self.rebuilding);
        let seen = PresentEndpoints::now(&self.state.system);
        self.rebuild_alone(&rebuilding);
        self.present.note(seen);
    }

    fn rebuild_alone(&self, _: &MutexGuard<'_, ()>) {
        let routes = if self.state.is_private {
            let served = operations::served::router(&self.state);
            GatewayRoutes {
                endpoints: EndpointTable::default(),
                router: served.layer(map_request(matched)).fallback(not_found),
            }
        } else {
            assembled(&self.state, &self.written)
        };
        self.routes.store(Arc::new(routes));
    }

    /// Begins to answer a request, or refuses it.
    pub(super) fn answer(&self, request: ReceivedRequest) -> Result<ToTheEnd, Box<Response>> {
        if let Some(refusal) = encodings::refuse_transfer(request.rare_headers()) {
            return Err(Box::new(refusal));
        }
        if self.present.may_have_changed(&self.state.system) {
            self.look_again();
        }
        let routes = self.routes.load();
        let (method, path) = (&request.parts.method, request.parts.uri.path());
        Ok(match routes.endpoints.find(method, path) {
            Some((serve, route)) => {
                note_route(&request.parts.extensions, route);
                serve(Arc::clone(&self.state), request)
            }
            None => {
                // Held here too: axum drops the extensions of a request before it runs a route's handler.
                let permit = request.permit.clone();
                let request = request.for_router();
                let (router, layered) = (routes.router.clone(), self.layered.clone());
                ToTheEnd::unless_left(Box::pin(async move {
                    let Ok(response) = match layered {
                        None => router.oneshot(request).await,
                        Some(layered) => layered.oneshot(request).await,
                    };
                    drop(permit);
                    response
                }))
            }
        })
    }

    /// Says in an answer what those could not who made it.
    pub(super) fn settle(response: &mut Response) {
        allow::settle(response);
        encodings::settle(response);
    }
}

impl Gateway {
    /// Makes the router anew if an endpoint came or went with its module.
    #[cold]
    fn look_again(&self) {
        let rebuilding = lock(&self.rebuilding);
        let seen = PresentEndpoints::now(&self.state.system);
        // Another request may have made it meanwhile. While the system stops, the routes stay: what they are
        // asked for then is refused.
        if self.present.differs_from(&seen) && !self.state.system.is_stopping() {
            // Paths of the user's may be in conflict.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.rebuild_alone(&rebuilding))) {
                let panic = panic_text(&*panic);
                tracing::error!(
                    panic,
                    "the routes of modules that came or went cannot be made"
                );
            }
        }
        self.present.note(seen);
    }
}

fn assembled(state: &Arc<ServerState>, written: &[Router<System>]) -> GatewayRoutes {
    let (routers, folders) = state.shared.added();
    let present = present(&state.system);
    let mut router = Router::new().fallback(not_found);
    for folder in &folders {
        router = files::folder::before(folder, state, router);
    }
    let served = operations::served::router(state);
    router = before(served.layer(map_request(matched)), router);
    router = before(routed(state, &present), router);
    let mut is_first = !state.settings.compression && state.settings.layers.is_empty();
    for custom in written.iter().cloned().chain(routers) {
        is_first = false;
        let custom = custom_routes::in_context(custom, state).with_state(state.system.clone());
        router = before(custom, router);
    }
    if let Some(cors) = &state.settings.cors {
        cors::check(cors);
    }
    if state.settings.compression {
        router = router.layer(CompressionLayer::new());
    }
    let is_open = |endpoint: &EndpointEntry| Guard::of(state, endpoint.message().access).is_none();
    let endpoints = is_first.then(|| EndpointTable::of(&present, is_open));
    GatewayRoutes {
        endpoints: endpoints.unwrap_or_default(),
        router,
    }
}

/// The messages that are endpoints.
fn routed(state: &Arc<ServerState>, present: &[&'static EndpointEntry]) -> Router {
    let mut router = Router::new();
    for endpoint in present {
        router = router.route(&endpoint.path_template(), route(state, endpoint));
    }
    router
}

fn route(state: &Arc<ServerState>, endpoint: &'static EndpointEntry) -> MethodRouter {
    let state = Arc::clone(state);
    let Ok(method) = MethodFilter::try_from(method(endpoint)) else {
        unreachable!("the attribute takes no other method");
    };
    let route = MethodRouter::new();
    let guard = Guard::of(&state, endpoint.message().access);
    match endpoint.way {
        EndpointKind::Call { serve, .. } => match guard {
            None => route.on(method, move |request: Request| {
                note_route(request.extensions(), endpoint.place().1);
                serve(Arc::clone(&state), ReceivedRequest::routed(request))
            }),
            Some(guard) => route.on(method, move |request: Request| {
                note_route(request.extensions(), endpoint.place().1);
                let state = Arc::clone(&state);
                guard.clone().around(request, move |request| {
                    serve(state, ReceivedRequest::routed(request))
                })
            }),
        },
        EndpointKind::Feed { open, audience, .. } => {
            let history = FeedLimits {
                typed: audience.map(|audience| audience.bytes),
                ..state.settings.events
            };
            let system = &state.system;
            let source = state.shared.events(endpoint.message(), || {
                let stored = events::stored::source(system, endpoint.message(), history);
                stored.unwrap_or_else(|| EventSource::Published(open(system, history)))
            });
            route.on(method, move |request: Request| {
                note_route(request.extensions(), endpoint.place().1);
                let (source, state) = (source.clone(), Arc::clone(&state));
                let answer = move |request| sse::serve(endpoint, source, state, request);
                guard::around(guard.clone(), request, answer)
            })
        }
    }
}

async fn matched(request: Request) -> Request {
    note_matched_route(&request);
    request
}

fn method(endpoint: &EndpointEntry) -> Method {
    Method::from_bytes(endpoint.method().as_bytes()).unwrap_or(Method::GET)
}

/// What `#[routes]` declares, by name.
fn registered_routes() -> impl Iterator<Item = &'static RoutesRegistration> {
    let mut routes: Vec<_> = inventory::iter::<RoutesRegistration>().collect();
    routes.sort_by_key(|routes| routes.declaration.name);
    routes.into_iter()
}

/// Offers requests to `first`, and what it does not know to `then`.
fn before(first: Router, then: Router) -> Router {
    let next = then.clone();
    let other_method = move |mut request: Request| async move {
        let id = RequestId::given(request.headers());
        forget_route(request.extensions_mut());
        let Ok(response): Result<Response, Infallible> = next.oneshot(request).await;
        // The path is known, though not the method.
        match response.extensions().get::<Unknown>() {
            Some(Unknown) => wrong_method(id),
            None => allow::behind(response),
        }
    };
    first
        .fallback_service(then)
        .method_not_allowed_fallback(other_method)
}

/// Removes the place of a request, which ends when its holder drops it.
fn strip_permit(extensions: &mut Extensions) {
    extensions.remove::<RequestPermit>();
}

/// Forgets what a router has left in a request: the next one reads the parameters of its path anew.
fn forget_route(extensions: &mut Extensions) {
    let mut before = std::mem::take(extensions);
    if let Some(OfLayers(left)) = before.remove::<OfLayers>() {
        *extensions = left.clone();
        extensions.insert(OfLayers(left));
    }
    keep::<RequestPermit>(&mut before, extensions);
    keep::<Arc<ObservedRequest>>(&mut before, extensions);
    keep::<ConnectInfo<SocketAddr>>(&mut before, extensions);
    keep::<OnUpgrade>(&mut before, extensions);
    keep::<Protocol>(&mut before, extensions);
}

fn keep<T: Clone + Send + Sync + 'static>(from: &mut Extensions, to: &mut Extensions) {
    if let Some(it) = from.remove::<T>() {
        to.insert(it);
    }
}

/// Marks the answer to an unknown path.
#[derive(Debug, Clone, Copy)]
struct Unknown;

async fn not_found(request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let detail = format!("nothing is at `{}`", parts.uri.path());
    let mut response = Details::new(StatusCode::NOT_FOUND, detail).answer_to(&parts);
    response.extensions_mut().insert(Unknown);
    response
}

fn wrong_method(id: Option<RequestId>) -> Response {
    let detail =
        "what is at this path does not take this method; the header `allow` lists those it takes";
    let details = Details::new(StatusCode::METHOD_NOT_ALLOWED, detail);
    details.answer(&id.unwrap_or_else(RequestId::fresh))
}
