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
use tokio::time::timeout;

use crate::error::{CallError, HandlerError};
use crate::http::connection::RequestPermit;
use crate::http::encodings;
use crate::http::endpoint::{CallEndpoint, EndpointReply, convention};
use crate::http::idempotency::{IdempotencyKey, once};
use crate::http::input::{Input, TextNames};
use crate::http::problem::Details;
use crate::http::request_scope::{Answer, RequestScope};
use crate::http::server_state::ServerState;
use crate::http::settings::ServerSettings;
use crate::message::MessageKind;
use crate::route::BoxFuture;

/// Serves a request for `M`.
pub(super) fn serve<M>(state: Arc<ServerState>, request: Request) -> BoxFuture<Response>
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    Box::pin(async move {
        let (parts, body) = request.into_parts();
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
                run(
                    RequestScope::open(&state.system, &state.settings, &parts),
                    message,
                )
                .await
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
    let scope = RequestScope::open(&state.system, &state.settings, &parts);
    let key = key.map(|key| key.of_principal(scope.ctx.principal()));
    // It is at work, and has a place among the requests that are, until it is done.
    let place = parts.extensions.get::<RequestPermit>().cloned();
    let doing: BoxFuture<Response> = Box::pin(async move {
        let _place = place;
        run(scope, message).await
    });
    match key {
        None => ToTheEnd(Some(doing)).await,
        Some(key) => once(&state.shared.idempotency, key, &parts, doing).await,
    }
}

/// Sends the message, and makes of its reply what the client gets.
async fn run<M>(scope: RequestScope, message: M) -> Response
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    let result = match scope.ctx.call(message).await {
        Ok(reply) => answer::<M>(&scope, &reply),
        Err(error) => Err(refusal::<M>(&scope, &error)),
    };
    scope.answer(result).await
}

fn answer<M>(scope: &RequestScope, reply: &M::Reply) -> Result<Answer, Details>
where
    M: CallEndpoint,
    M::Reply: EndpointReply,
{
    let convention = || convention(M::descriptor(), &M::REPLY);
    let stated = M::STATUS.and_then(|status| StatusCode::from_u16(status).ok());
    let status = stated.unwrap_or_else(convention);
    if M::REPLY.is_nothing {
        return Ok(Answer { status, json: None });
    }
    let json = reply.write().map_err(|error| {
        let id = scope.request_id();
        tracing::error!(request_id = id.as_str(), message = M::NAME, %error, "a reply cannot be written as JSON");
        Details::internal()
    })?;
    if M::REPLY.is_optional && json == b"null" {
        return Err(Details::new(StatusCode::NOT_FOUND, ""));
    }
    let json = Some(json);
    Ok(Answer { status, json })
}

fn refusal<M: CallEndpoint>(scope: &RequestScope, error: &CallError<M::Error>) -> Details
where
    M::Error: HandlerError,
{
    let details = Details::of_call(error, M::problem);
    if details.status().is_server_error() {
        let id = scope.request_id();
        tracing::error!(request_id = id.as_str(), message = M::NAME, %error, "a request failed");
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

/// The body, if it is JSON and neither too long nor too slow. Of a GET there is none.
async fn read(
    settings: &ServerSettings,
    parts: &request::Parts,
    body: Body,
) -> Result<Bytes, Details> {
    if parts.method == Method::GET || parts.method == Method::HEAD {
        return Ok(Bytes::new());
    }
    let reading = timeout(
        settings.body_timeout,
        Limited::new(body, settings.body_limit).collect(),
    );
    let body = match reading.await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("the body is longer than {} bytes", settings.body_limit);
            return Err(Details::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "a request's body did not come");
            let detail = "the body did not come to its end";
            return Err(Details::new(StatusCode::BAD_REQUEST, detail));
        }
        Err(_) => {
            let detail = format!("the body took longer than {:?}", settings.body_timeout);
            return Err(Details::new(StatusCode::REQUEST_TIMEOUT, detail));
        }
    };
    if !body.is_empty() && !is_json(parts) {
        let detail = "the body must be JSON: `content-type: application/json`";
        return Err(Details::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    Ok(body)
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
pub(super) struct ToTheEnd(Option<BoxFuture<Response>>);

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
