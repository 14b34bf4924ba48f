//! Handlers that are written by hand: [`Ctx`], and the middleware around them.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::time::timeout;

use crate::context::Context;
use crate::http::problem::{Details, Refusal};
use crate::http::request_id::RequestId;
use crate::http::site::Site;
use crate::http::visit::Visit;
use crate::sync::lock;
use crate::system::System;

/// The context of a request, for handlers of [`#[routes]`](macro@crate::routes): a unit of work with the
/// request's id, principal and deadline. It is closed before the answer is sent; if closing fails, the answer
/// is a problem instead. If the answer is an error (a status of 400 and above), the unit of work is
/// cancelled.
///
/// ```
/// use axum::http::StatusCode;
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
/// async fn home(ctx: Ctx) -> Result<String, StatusCode> {
///     let count = ctx.ask(Visitors).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
///     Ok(format!("{count} visitors"))
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

/// The unit of work that [`Ctx`] opened, for the middleware that closes it.
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

/// Adds the middleware that gives each request a context, if its handler asks for one.
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
    let called = || {
        let own = visit.as_ref().map(Visit::request_id);
        own.or_else(|| id.clone()).unwrap_or_else(RequestId::fresh)
    };
    let response = response.map(|response| match response.extensions().get::<Refusal>() {
        Some(refusal) => refusal.answer(&called()),
        None => response,
    });
    match (response, visit) {
        (Ok(response), Some(visit)) => visit.close(response).await,
        (Ok(response), None) => response,
        (Err(_), Some(visit)) => visit.answer(Err(Details::too_late())).await,
        (Err(_), None) => Details::too_late().answer(&id.unwrap_or_else(RequestId::fresh)),
    }
}
