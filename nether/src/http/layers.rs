//! [`Layers`]: what of tower's stands around all that clients are served. A server without layers has no such
//! service, and pays for none.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

/// All that a server serves to clients, as a service of tower's: what a layer of
/// [`Server::layer`](crate::http::Server::layer) stands around.
#[derive(Clone)]
pub struct ServedRequests(BoxCloneSyncService<Request, Response, Infallible>);

impl ServedRequests {
    fn new<S>(service: S) -> Self
    where
        S: Service<Request> + Clone + Send + Sync + 'static,
        S::Response: IntoResponse + 'static,
        S::Error: Into<Infallible> + 'static,
        S::Future: Send + 'static,
    {
        let service = service.map_response(S::Response::into_response);
        ServedRequests(BoxCloneSyncService::new(service.map_err(Into::into)))
    }
}

impl Service<Request> for ServedRequests {
    type Response = Response;
    type Error = Infallible;
    type Future = <BoxCloneSyncService<Request, Response, Infallible> as Service<Request>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.0.call(request)
    }
}

impl fmt::Debug for ServedRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedRequests").finish_non_exhaustive()
    }
}

/// The layers, the outermost first.
#[derive(Clone, Default)]
pub(crate) struct Layers(Vec<AddLayer>);

/// Puts a layer around what is served.
type AddLayer = Arc<dyn Fn(ServedRequests) -> ServedRequests + Send + Sync>;

impl Layers {
    pub(crate) fn add<L>(&mut self, layer: L)
    where
        L: Layer<ServedRequests> + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.0.push(Arc::new(move |served| {
            ServedRequests::new(layer.layer(served))
        }));
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One service for all requests, with the layers around whatever router there is when a request comes. So
    /// what a layer keeps, such as how many requests are at work, it keeps when the router is rebuilt.
    /// `strip` removes from the extensions of a request what is not to be kept. `None` without layers.
    pub(super) fn around(
        &self,
        router: impl Fn() -> Router + Clone + Send + Sync + 'static,
        strip: fn(&mut Extensions),
    ) -> Option<ServedRequests> {
        if self.is_empty() {
            return None;
        }
        let served = service_fn(move |mut request: Request| {
            let mut left = request.extensions().clone();
            strip(&mut left);
            request.extensions_mut().insert(OfLayers(left));
            router().oneshot(request)
        });
        let inner_first = self.0.iter().rev();
        let bare = ServedRequests::new(served);
        Some(inner_first.fold(bare, |served, layer| layer(served)))
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layers").field(&self.0.len()).finish()
    }
}

/// What a request had when it left the layers: with what they have added for the routes behind.
#[derive(Debug, Clone)]
pub(super) struct OfLayers(pub(super) Extensions);
