//! Handlers that are written by hand: [`Ctx`], and what stands around them.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::time::timeout;

use crate::context::Context;
use crate::http::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::site::Site;
use crate::http::visit::Visit;
use crate::sync::lock;
use crate::system::System;

/// The context of a request, for handlers of [`#[routes]`](macro@crate::routes): a unit of work with the
/// request's id, principal and deadline, which is closed before the answer is sent. If the answer is an error
/// (400 and above) it is cancelled; if closing fails, the answer is a problem instead.
///
/// ```
/// use nether::http::Ctx;
/// use nether::prelude::*;
///
/// #[query(reply = u64)]
/// pub struct Visitors;
///
/// #[derive(Default)]
/// pub struct Counter;
///
/// #[module(handles = Visitors)]
/// impl Counter {
///     async fn visitors(&self, _: Visitors) -> u64 {
///         7
///     }
/// }
///
/// async fn home(ctx: Ctx) -> String {
///     match ctx.ask(Visitors).await {
///         Ok(count) => format!("{count} were here"),
///         Err(error) => error.to_string(),
///     }
/// }
///
/// #[nether::routes]
/// fn router() -> axum::Router<System> {
///     axum::Router::new().route("/home", axum::routing::get(home))
/// }
/// ```
#[derive(Debug)]
pub struct Ctx(Context);

impl Deref for Ctx {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.0
    }
}

/// Where [`Ctx`] leaves the unit of work that it opened, for who closes it.
#[derive(Clone, Default)]
struct Opened {
    visit: Arc<Mutex<Option<Visit>>>,
    site: Option<Arc<Site>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Ctx {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let opened = parts.extensions.get::<Opened>();
        let site = opened.and_then(|opened| Some((opened, opened.site.as_ref()?)));
        let Some((opened, site)) = site else {
            tracing::error!("`Ctx` is for routes that a `nether::http::Server` serves");
            return Err(Details::internal().answer_to(parts));
        };
        let mut visit = lock(&opened.visit);
        let visit = visit.get_or_insert_with(|| Visit::open(&site.system, &site.settings, parts));
        Ok(Ctx(visit.ctx.clone()))
    }
}

/// The router, with a context for each request that asks for one.
pub(super) fn in_context(router: Router<System>, site: &Arc<Site>) -> Router<System> {
    router.layer(from_fn_with_state(Arc::clone(site), around))
}

async fn around(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let opened = Opened {
        visit: Arc::default(),
        site: Some(Arc::clone(&site)),
    };
    request.extensions_mut().insert(opened.clone());
    let id = RequestId::given(request.headers());
    let answering = timeout(site.settings.request_timeout, next.run(request));
    let response = answering.await;
    let visit = lock(&opened.visit).take();
    match (response, visit) {
        (Ok(response), Some(visit)) => visit.close(response).await,
        (Ok(response), None) => response,
        (Err(_), Some(visit)) => visit.answer(Err(Details::too_late())).await,
        (Err(_), None) => Details::too_late().answer(&id.unwrap_or_else(RequestId::fresh)),
    }
}
