//! Handlers that are written by hand: [`RequestContext`], and the middleware around them.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::time::timeout;

use crate::context::Context;
use crate::http::identity::guard::{self, Guard};
use crate::http::observation::observed::note_matched_route;
use crate::http::replies::failure_log::FailedRequest;
use crate::http::replies::problem::{Details, Refusal};
use crate::http::request_id::RequestId;
use crate::http::request_scope::{RequestScope, RequestWishes};
use crate::http::server::state::ServerState;
use crate::routing::{Caller, External};
use crate::sync::lock;
use crate::system::System;

/// The context of a request, for handlers of [`#[routes]`](macro@crate::routes): a unit of work with the
/// request's id, principal and deadline. It is closed before the answer is sent; if closing fails, the answer
/// is a problem instead. If the answer is an error (a status of 400 and above), the unit of work is
/// cancelled.
///
/// ```
/// use axum::http::StatusCode;
/// use nether::http::RequestContext;
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
/// async fn home(ctx: RequestContext) -> Result<String, StatusCode> {
///     let count = ctx.ask(Visitors).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
///     Ok(format!("{count} visitors"))
/// }
///
/// #[nether::routes]
/// fn router() -> axum::Router<System> {
///     axum::Router::new().route("/home", axum::routing::get(home))
/// }
/// ```
///
/// # What the routes send
///
/// A `RequestContext` sends what a module of a visible crate handles. Routes that list what they send need no
/// module of another crate, only its messages: `RequestContext<Web>` sends what the
/// [`#[module]`](macro@crate::module) `Web` lists in `calls` and `emits`. The system checks at its start that
/// a module handles each command and query among these, and [`topology`](crate::System::topology) shows it.
///
/// ```standalone_crate
/// use nether::http::RequestContext;
/// use nether::prelude::*;
///
/// # mod contracts {
/// # use nether::prelude::*;
/// #[query(reply = u64)]
/// pub struct Visitors;
/// # }
/// # use contracts::Visitors;
///
/// /// The routes below.
/// pub struct Web;
///
/// #[module(handles = [], calls = [Visitors], manual)]
/// impl Web {}
///
/// async fn home(ctx: RequestContext<Web>) -> String {
///     match ctx.ask(Visitors).await {
///         Ok(count) => format!("{count} visitors"),
///         Err(_) => "nobody counts".to_owned(),
///     }
/// }
///
/// #[nether::routes]
/// fn router() -> axum::Router<System> {
///     axum::Router::new().route("/home", axum::routing::get(home))
/// }
/// # fn main() {}
/// ```
pub struct RequestContext<S: Caller = External>(Context<S>);

impl<S: Caller> Deref for RequestContext<S> {
    type Target = Context<S>;

    fn deref(&self) -> &Context<S> {
        &self.0
    }
}

impl<S: Caller> fmt::Debug for RequestContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestContext").field(&self.0).finish()
    }
}

/// The unit of work that [`RequestContext`] opened, for the middleware that closes it.
#[derive(Clone, Default)]
struct Opened {
    scope: Arc<Mutex<Option<RequestScope>>>,
    state: Option<Arc<ServerState>>,
}

impl<S: Caller, State: Send + Sync> FromRequestParts<State> for RequestContext<S> {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut request::Parts,
        _: &State,
    ) -> Result<Self, Self::Rejection> {
        let opened = parts.extensions.get::<Opened>();
        let state = opened.and_then(|opened| Some((opened, opened.state.as_ref()?)));
        let Some((opened, state)) = state else {
            tracing::error!("`RequestContext` is for routes that a `nether::http::Server` serves");
            return Err(Details::internal().answer_to(parts));
        };
        let mut scope = lock(&opened.scope);
        let scope = scope.get_or_insert_with(|| {
            let wishes = RequestWishes::of(&parts.headers);
            RequestScope::open(&state.system, &state.settings, parts, wishes)
        });
        Ok(RequestContext(scope.ctx.clone_for()))
    }
}

/// Adds the middleware that gives each request a context, if its handler asks for one, and the server's
/// limits.
pub(super) fn in_context(router: Router<System>, state: &Arc<ServerState>) -> Router<System> {
    let limit = DefaultBodyLimit::max(state.settings.body_limit);
    let router = router.layer(limit);
    let router = router.layer(from_fn_with_state(Arc::clone(state), around));
    match Guard::of(state, None) {
        Some(guard) => router.layer(from_fn_with_state(guard, guard::layer)),
        None => router,
    }
}

async fn around(
    State(state): State<Arc<ServerState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let opened = Opened {
        scope: Arc::default(),
        state: Some(Arc::clone(&state)),
    };
    request.extensions_mut().insert(opened.clone());
    note_matched_route(&request);
    let id = RequestId::given(request.headers());
    let answering = timeout(state.settings.request_timeout, next.run(request));
    let response = answering.await;
    let scope = lock(&opened.scope).take();
    let called = || {
        let own = scope.as_ref().map(RequestScope::request_id);
        own.or_else(|| id.clone()).unwrap_or_else(RequestId::fresh)
    };
    let response = response.map(|response| match response.extensions().get::<Refusal>() {
        Some(refusal) => {
            let (id, (details, error)) = (called(), refusal.parts());
            let failed = FailedRequest {
                id: &id,
                message: "",
                error: &error,
                is_impatient: scope.as_ref().is_some_and(|scope| scope.is_impatient),
            };
            failed.log(details);
            refusal.answer(&id)
        }
        None => response,
    });
    match (response, scope) {
        (Ok(response), Some(scope)) => scope.close(response).await,
        (Ok(response), None) => response,
        (Err(_), Some(scope)) => scope.close(scope.problem(&Details::too_late())).await,
        (Err(_), None) => Details::too_late().answer(&id.unwrap_or_else(RequestId::fresh)),
    }
}
