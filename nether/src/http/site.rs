//! [`Site`]: what is served at one address: the endpoints of the program and the routes that were added, as one router.
//!
//! The order in which a request is offered: routers added at run time (the newest first), `#[routes]`, endpoints, operations,
//! folders of files. What knows its path answers it.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use tokio::sync::watch;
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;

use crate::http::endpoint::{EndpointEntry, EndpointRegistration, RoutesRegistration, Way};
use crate::http::feed::Feed;
use crate::http::files;
use crate::http::idempotency::Idempotency;
use crate::http::operations;
use crate::http::own;
use crate::http::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::settings::Settings;
use crate::http::sse;
use crate::sync::lock;
use crate::system::System;

/// What is served at one address.
pub(super) struct Site {
    /// While it serves, the system lives.
    pub(super) system: System,
    pub(super) settings: Arc<Settings>,
    pub(super) shared: Arc<Shared>,
    /// Whether it is for those alone who run the system.
    pub(super) is_private: bool,
    /// Set once streams of events are to end; the address's own task sets it, each stream waits for it.
    ending: watch::Sender<bool>,
    router: ArcSwap<Router>,
}

/// What all addresses of a server have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) idempotency: Arc<Idempotency>,
    /// The feeds that were opened, with their endpoints.
    feeds: Mutex<Vec<(&'static EndpointEntry, Arc<Feed>)>>,
    added: Mutex<Added>,
}

/// What was added at run time, the oldest first.
#[derive(Debug, Default)]
struct Added {
    routers: Vec<Router<System>>,
    folders: Vec<Folder>,
}

/// A folder of files.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) path: String,
    pub(super) folder: PathBuf,
    pub(super) single_page: bool,
}

impl Shared {
    /// Adds routes; how many routers there are now.
    pub(super) fn add_router(&self, router: Router<System>) -> usize {
        let mut added = lock(&self.added);
        added.routers.push(router);
        added.routers.len()
    }

    pub(super) fn add_folder(&self, folder: Folder) {
        lock(&self.added).folders.push(folder);
    }

    /// The feed of the endpoint, which is opened if it is not yet.
    fn feed(
        &self,
        endpoint: &'static EndpointEntry,
        open: impl FnOnce() -> Arc<Feed>,
    ) -> Arc<Feed> {
        let mut feeds = lock(&self.feeds);
        let known = feeds.iter().find(|(of, _)| std::ptr::eq(*of, endpoint));
        if let Some((_, feed)) = known {
            return Arc::clone(feed);
        }
        let feed = open();
        feeds.push((endpoint, Arc::clone(&feed)));
        feed
    }
}

impl Site {
    /// What clients are served.
    pub(super) fn public(
        system: System,
        settings: Arc<Settings>,
        shared: Arc<Shared>,
    ) -> Arc<Self> {
        Site::new(system, settings, shared, false)
    }

    /// What those are served who run the system.
    pub(super) fn private(system: System, settings: Arc<Settings>) -> Arc<Self> {
        Site::new(system, settings, Arc::default(), true)
    }

    fn new(
        system: System,
        settings: Arc<Settings>,
        shared: Arc<Shared>,
        is_private: bool,
    ) -> Arc<Self> {
        let site = Arc::new(Site {
            system,
            settings,
            shared,
            is_private,
            ending: watch::Sender::new(false),
            router: ArcSwap::from_pointee(Router::new()),
        });
        site.rebuild();
        site
    }

    /// Takes in what was added.
    pub(super) fn rebuild(self: &Arc<Self>) {
        let router = if self.is_private {
            operations::probes(self).fallback(not_found)
        } else {
            self.assembled()
        };
        self.router.store(Arc::new(router));
    }

    /// What answers the next request.
    pub(super) fn router(&self) -> Router {
        Router::clone(&self.router.load())
    }

    /// Tells streams of events to end.
    pub(super) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Tells that streams of events are to end.
    pub(super) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    fn assembled(self: &Arc<Self>) -> Router {
        let (routers, folders) = {
            let added = lock(&self.shared.added);
            (added.routers.clone(), added.folders.clone())
        };
        let mut router = Router::new().fallback(not_found);
        for folder in &folders {
            router = files::before(folder, router);
        }
        if self.settings.operations.is_none() {
            router = before(operations::probes(self), router);
        }
        router = before(operations::description(self), router);
        router = before(self.endpoints(), router);
        let written = registered_routes().map(|routes| (routes.build)());
        for own in written.chain(routers) {
            let own = own::in_context(own, self).with_state(self.system.clone());
            router = before(own, router);
        }
        if self.settings.compression {
            router = router.layer(CompressionLayer::new());
        }
        match &self.settings.cors {
            Some(cors) => router.layer(cors.clone()),
            None => router,
        }
    }

    /// The messages that are endpoints.
    fn endpoints(self: &Arc<Self>) -> Router {
        let mut router = Router::new();
        for endpoint in endpoints() {
            let (_, path) = endpoint.place();
            router = router.route(path, self.route(endpoint));
        }
        router
    }

    fn route(self: &Arc<Self>, endpoint: &'static EndpointEntry) -> MethodRouter {
        let site = Arc::clone(self);
        let Ok(method) = MethodFilter::try_from(method(endpoint)) else {
            unreachable!("the attribute takes no other method");
        };
        let route = MethodRouter::new();
        match endpoint.way {
            Way::Call { serve, .. } => {
                route.on(method, move |request| serve(Arc::clone(&site), request))
            }
            Way::Feed { open } => {
                let history = self.settings.event_history;
                let feed = self.shared.feed(endpoint, || open(&self.system, history));
                route.on(method, move |request| {
                    sse::serve(endpoint, Arc::clone(&feed), Arc::clone(&site), request)
                })
            }
        }
    }
}

fn method(endpoint: &EndpointEntry) -> Method {
    Method::from_bytes(endpoint.method().as_bytes()).unwrap_or(Method::GET)
}

/// The endpoints of the program, by path and method.
pub(super) fn endpoints() -> Vec<&'static EndpointEntry> {
    let registered = inventory::iter::<EndpointRegistration>();
    let mut endpoints: Vec<_> = registered.map(|registered| registered.0).collect();
    endpoints.sort_by_key(|endpoint| (endpoint.place().1, endpoint.method()));
    endpoints
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
    let other_method = move |request: Request| async move {
        let id = RequestId::given(request.headers());
        let answer: Result<Response, Infallible> = next.oneshot(request).await;
        match answer {
            // Somebody knows the path, though not the method.
            Ok(response) if response.extensions().get::<Unknown>().is_some() => wrong_method(id),
            Ok(response) => response,
            Err(never) => match never {},
        }
    };
    first
        .fallback_service(then)
        .method_not_allowed_fallback(other_method)
}

/// Marks the answer to a path that nobody knows.
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
