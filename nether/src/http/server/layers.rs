//! What stands around all that a server serves to clients.

use std::convert::Infallible;

use axum::extract::Request;
use axum::response::IntoResponse;
use tower::{Layer, Service};

use crate::http::Server;
use crate::http::layers::ServedRequests;

impl Server {
    /// Puts a layer around all that clients are served: endpoints, streams of events,
    /// [`#[routes]`](macro@crate::routes), routes that are added while the server runs, files, probes, and
    /// the answer that nothing is at a path. It takes the layers of `tower` and `tower-http` that give
    /// answers whatever happens, and functions by `axum::middleware::from_fn`.
    ///
    /// The layer that is added first is outermost: it sees a request first, and its answer last. Outside of
    /// all layers, the server looks at the request (its host, the page that sends it, the bounds on
    /// connections and requests) and marks its answer; so a layer never sees a request that the server does
    /// not take. CORS is outside too, [compression](Server::compression) is inside. What serves the address
    /// for [management](Server::management) has no layers.
    ///
    /// A layer is made into a service once for each address. What that keeps is the same for all requests,
    /// whatever routes come and go. What a layer adds to the extensions of a request, routes can extract;
    /// handlers of messages cannot: for them, see [`authenticate`](Server::authenticate) and
    /// [`#[nether::middleware]`](macro@crate::middleware). A [`Principal`](crate::Principal) there does not
    /// count: a request has the principal that the authenticator returns, or none.
    ///
    /// A panic in a layer is answered with 500, as in a handler. Without layers, nothing stands there.
    ///
    /// ```no_run
    /// use axum::extract::Request;
    /// use axum::middleware::{Next, from_fn};
    /// use axum::response::Response;
    /// use nether::http::Server;
    /// use nether::prelude::*;
    ///
    /// async fn timed(request: Request, next: Next) -> Response {
    ///     let (path, began) = (request.uri().path().to_owned(), std::time::Instant::now());
    ///     let response = next.run(request).await;
    ///     println!("{path}: {} in {:?}", response.status(), began.elapsed());
    ///     response
    /// }
    ///
    /// #[nether::main]
    /// async fn main(system: System) -> nether::Result<()> {
    ///     Server::new(&system).layer(from_fn(timed)).serve("127.0.0.1:8080").await
    /// }
    /// ```
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<ServedRequests> + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.settings.layers.add(layer);
        self
    }
}
