//! Endpoints of commands and queries: the request becomes the message, its reply the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, request};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as HttpBody;

use crate::error::{CallError, HandlerError};
use crate::escaped::Escaped;
use crate::http::connections::permits::RequestPermit;
use crate::http::endpoints::endpoint::{CallEndpoint, EndpointReply, success};
use crate::http::idempotency::key::{IdempotencyKey, KeyUser};
use crate::http::idempotency::keyed::{FirstAnswer, is_rejected, is_unknown};
#[cfg(feature = "eventstore")]
use crate::http::idempotency::sourcing;
use crate::http::input::{Input, TextNames};
use crate::http::replies::encodings;
use crate::http::replies::problem::Details;
use crate::http::replies::reply::unless_known;
use crate::http::request_scope::{ReadyReply, RequestScope};
use crate::http::server::settings::ServerSettings;
use crate::http::server::state::ServerState;
use crate::message::{MessageDescriptor, MessageKind};
use crate::route::BoxFuture;

/// Serves a request for `M`.
pub(crate) fn serve<M>(state: Arc<ServerState>, request: Request) -> BoxFuture<Response>
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        if must_be_json::<M>(&parts) && !is_json(&parts) {
            return not_json().answer_to(&parts);
        }
        if let Some(refusal) = encodings::refuse_content(&parts.headers) {
            return refusal;
        }
        let body = match read(&state.settings, &parts, body).await {
            Ok(body) => body,
            Err(details) => return details.answer_to(&parts),
        };
        match message::<M>(&parts, &body) {
            Ok(message) if M::KIND == MessageKind::Command => {
                command(state, parts, &body, message).await
            }
            // A query changes nothing: if the client goes away, so does it.
            Ok(message) => {
                let response = run(
                    RequestScope::open(&state.system, &state.settings, &parts),
                    message,
                )
                .await;
                unless_known(&parts, response)
            }
            Err(details) => details.answer_to(&parts),
        }
    })
}

/// A command that has begun is finished, also if the client goes away.
async fn command<M>(
    state: Arc<ServerState>,
    parts: request::Parts,
    body: &Bytes,
    message: M,
) -> Response
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    let key = match IdempotencyKey::of(&parts, body) {
        Ok(key) => key,
        Err(details) => return details.answer_to(&parts),
    };
    // It is at work, and has a place among the requests that are, until it is done.
    let place = parts.extensions.get::<RequestPermit>().cloned();
    if let Some(key) = key {
        // Boxed, so that what is rare makes no command larger.
        return Box::pin(keyed_command(&state, &parts, key, place, message)).await;
    }
    let scope = RequestScope::open(&state.system, &state.settings, &parts);
    let doing: BoxFuture<Response> = Box::pin(async move {
        let _place = place;
        run(scope, message).await
    });
    ToTheEnd(Some(doing)).await
}

/// A command with a key is handled once.
async fn keyed_command<M>(
    state: &ServerState,
    parts: &request::Parts,
    key: IdempotencyKey,
    place: Option<RequestPermit>,
    message: M,
) -> Response
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    let scope = RequestScope::open_keyed(&state.system, &state.settings, parts);
    let user = KeyUser::of(parts, scope.ctx.principal());
    let resumes = identify(M::descriptor(), &scope, &key, &user);
    let request = key.request(&user, resumes);
    let patience = scope.patience();
    let first = Box::pin(async move {
        let _place = place;
        let called = scope.ctx.call(message).await;
        let (is_unknown, is_rejected) = (is_unknown(&called, resumes), is_rejected(&called));
        let response = respond::<M>(scope, called).await;
        FirstAnswer {
            response,
            is_unknown,
            is_rejected,
        }
    });
    state.shared.keys.once(request, patience, first).await
}

/// Makes the key the command's id; returns whether a command of the aggregate that handles it does nothing
/// twice because of that.
#[cfg(feature = "eventstore")]
fn identify(
    message: &'static MessageDescriptor,
    scope: &RequestScope,
    key: &IdempotencyKey,
    user: &KeyUser,
) -> bool {
    sourcing::set_command_id(&scope.ctx, key, user);
    sourcing::is_handled_by_aggregate(message, &scope.ctx)
}

/// Without event sourcing commands have no ids.
#[cfg(not(feature = "eventstore"))]
fn identify(
    _: &'static MessageDescriptor,
    _: &RequestScope,
    _: &IdempotencyKey,
    _: &KeyUser,
) -> bool {
    false
}

/// Sends the message, and makes of its reply what the client gets.
async fn run<M>(scope: RequestScope, message: M) -> Response
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    let called = scope.ctx.call(message).await;
    respond::<M>(scope, called).await
}

/// Makes of a reply what the client gets.
async fn respond<M>(scope: RequestScope, called: Result<M::Reply, CallError<M::Error>>) -> Response
where
    M: CallEndpoint,
    M::Reply: EndpointReply,
{
    let result = match called {
        Ok(reply) => answer::<M>(&scope, &reply),
        Err(error) => Err(refusal::<M>(&scope, &error)),
    };
    scope.answer(result).await
}

fn answer<M>(scope: &RequestScope, reply: &M::Reply) -> Result<ReadyReply, Details>
where
    M: CallEndpoint,
    M::Reply: EndpointReply,
{
    let status = success(M::STATUS, M::descriptor(), &M::REPLY);
    let headers = M::headers(reply);
    if M::REPLY.is_nothing {
        return Ok(ReadyReply {
            status,
            json: None,
            headers,
        });
    }
    let json = reply.write().map_err(|error| {
        let id = scope.request_id();
        tracing::error!(request_id = id.as_str(), message = M::NAME, error = %Escaped(&error), "a reply cannot be written as JSON");
        Details::internal()
    })?;
    if M::REPLY.is_optional && json == b"null" {
        return Err(Details::new(StatusCode::NOT_FOUND, ""));
    }
    Ok(ReadyReply {
        status,
        json: Some(json),
        headers,
    })
}

fn refusal<M: CallEndpoint>(scope: &RequestScope, error: &CallError<M::Error>) -> Details
where
    M::Error: HandlerError,
{
    let details = Details::of_call(error, M::problem).with_names(M::SHAPE);
    if details.status().is_server_error() {
        scope.log_failure(&details, M::NAME, error);
    }
    details
}

/// The message that the request is.
fn message<M: CallEndpoint>(parts: &request::Parts, body: &[u8]) -> Result<M, Details> {
    let mut input = Input {
        body,
        ..Input::default()
    };
    if let Some(endpoint) = &M::descriptor().endpoint {
        input.path(endpoint.path, parts.uri.path())?;
    }
    if let Some(query) = parts.uri.query() {
        input.query(query)?;
    }
    let is_get = parts.method == Method::GET || parts.method == Method::HEAD;
    input.message(M::SHAPE, TextNames::of(M::SHAPE, !is_get))
}

/// The body, if it is JSON and not too long. Of a GET there is none. What the head says is enough to refuse
/// is refused before anything is read, so that a client that waits for `100 Continue` does not send it.
async fn read(
    settings: &ServerSettings,
    parts: &request::Parts,
    body: Body,
) -> Result<Bytes, Details> {
    let is_bodiless = parts.method == Method::GET || parts.method == Method::HEAD;
    if is_bodiless || body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let declared = body.size_hint();
    let is_json = is_json(parts);
    // One of unknown length may be empty, and nothing needs no type.
    if !is_json && (declared.lower() > 0 || parts.headers.contains_key(CONTENT_TYPE)) {
        return Err(not_json());
    }
    if declared.lower() > settings.body_limit as u64 {
        return Err(too_long(settings));
    }
    let body = match Limited::new(body, settings.body_limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_long(settings)),
        Err(error) => {
            tracing::debug!(error = %Escaped(&error), "a request's body did not come");
            let detail = "the body did not come to its end";
            return Err(Details::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    if !body.is_empty() && !is_json {
        return Err(not_json());
    }
    Ok(body)
}

fn too_long(settings: &ServerSettings) -> Details {
    let detail = format!("the body is longer than {} bytes", settings.body_limit);
    Details::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

fn not_json() -> Details {
    let detail = "the body must be JSON: `content-type: application/json`";
    Details::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

/// Whether the query fills fields of a command that a plain form could send. Such a request says that it is
/// JSON, also without a body: no page of another origin can say so without a preflight.
fn must_be_json<M: CallEndpoint>(parts: &request::Parts) -> bool {
    M::KIND == MessageKind::Command
        && parts.method == axum::http::Method::POST
        && parts.uri.query().is_some_and(|query| !query.is_empty())
}

fn is_json(parts: &request::Parts) -> bool {
    let stated = parts.headers.get(CONTENT_TYPE);
    let stated = stated.and_then(|stated| stated.to_str().ok());
    stated.is_some_and(|stated| {
        let essence = stated.split(';').next().unwrap_or_default().trim();
        let is = |json: &str| essence.eq_ignore_ascii_case(json);
        is("application/json") || essence.to_ascii_lowercase().ends_with("+json")
    })
}

/// What goes on to its end in a task of its own, if nobody waits for it any more.
pub(crate) struct ToTheEnd(Option<BoxFuture<Response>>);

impl Future for ToTheEnd {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        // Not in its place while it is polled: one that panics does not go on.
        let mut future = (self.0.take()).expect("a future is not polled after it is ready");
        let polled = future.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(future);
        }
        polled
    }
}

impl Drop for ToTheEnd {
    fn drop(&mut self) {
        let (future, runtime) = (self.0.take(), tokio::runtime::Handle::try_current());
        if let (Some(future), Ok(runtime)) = (future, runtime) {
            runtime.spawn(future);
        }
    }
}
