//! Endpoints of commands and queries: the request becomes the message, its reply the answer.

use std::sync::Arc;

use axum::http::{Method, StatusCode, request};
use axum::response::Response;
use tracing::Instrument;

use crate::error::{CallError, HandlerError};
use crate::escaped::Escaped;
use crate::http::connections::received::{ReceivedBody, ReceivedRequest};
use crate::http::connections::to_the_end::ToTheEnd;
use crate::http::endpoints::content::{self, is_json, must_be_json, not_json};
use crate::http::endpoints::endpoint::{CallEndpoint, EndpointReply, success};
use crate::http::idempotency::key::{IDEMPOTENCY_KEY, IdempotencyKey, KeyUser};
use crate::http::idempotency::keyed::{FirstAnswer, is_rejected, is_unknown};
#[cfg(feature = "eventstore")]
use crate::http::idempotency::sourcing;
use crate::http::input::{Input, TextNames};
use crate::http::replies::encodings;
use crate::http::replies::problem::Details;
use crate::http::replies::reply::unless_known;
use crate::http::request_scope::{ReadyReply, RequestScope};
use crate::http::server::state::ServerState;
use crate::message::{MessageDescriptor, MessageKind};
use crate::principal::Principal;

/// Serves a request for `M`. One box holds all of it, from the head to the answer.
pub(crate) fn serve<M>(state: Arc<ServerState>, mut request: ReceivedRequest) -> ToTheEnd
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    let permit = request.permit.clone();
    let making = async move {
        if must_be_json::<M>(&request.parts) && !is_json(&request.parts) {
            return not_json().answer_to(&request.parts);
        }
        if let Some(refusal) = encodings::refuse_content(request.rare_headers()) {
            return refusal;
        }
        let body = match content::read(&state.settings, &mut request).await {
            Ok(body) => body,
            Err(details) => return details.answer_to(&request.parts),
        };
        // The rest of the body is not in the way of the next request.
        request.body = ReceivedBody::Nothing;
        let message = match message::<M>(&request.parts, &body) {
            Ok(message) => message,
            Err(details) => return details.answer_to(&request.parts),
        };
        let may_have_key = request.rare_headers().contains_key(IDEMPOTENCY_KEY);
        if M::KIND == MessageKind::Command && may_have_key {
            match IdempotencyKey::of(&request.parts, &body) {
                Ok(None) => {}
                // Boxed, so that what is rare makes no command larger.
                Ok(Some(key)) => return Box::pin(keyed(state, request, key, message)).await,
                Err(details) => return details.answer_to(&request.parts),
            }
        }
        let wishes = std::mem::take(&mut request.wishes);
        let scope = RequestScope::open(&state.system, &state.settings, &request.parts, wishes);
        if M::KIND == MessageKind::Command {
            request.permit.begin();
        }
        let called = scope.ctx.call(message).await;
        let response = scope.close(respond::<M>(&scope, called)).await;
        match M::KIND {
            MessageKind::Command => response,
            _ => unless_known(&request.parts, response),
        }
    };
    ToTheEnd::new(Box::pin(making), permit)
}

/// A command with a key is handled once.
async fn keyed<M>(
    state: Arc<ServerState>,
    mut request: ReceivedRequest,
    key: IdempotencyKey,
    message: M,
) -> Response
where
    M: CallEndpoint + Send,
    M::Reply: EndpointReply,
{
    request.note_client();
    let ReceivedRequest {
        parts,
        permit,
        wishes,
        ..
    } = request;
    let scope = RequestScope::open_keyed(&state.system, &state.settings, &parts, wishes);
    // A refusal is no answer to be kept: the client may come back with the role.
    if let Err(refused) = scope.ctx.check(&message) {
        return scope.close(respond::<M>(&scope, Err(refused.into()))).await;
    }
    let user = KeyUser::of(&parts, scope.ctx.principal().map(Principal::id));
    let resumes = identify(M::descriptor(), &scope, &key, &user);
    let request = key.request(&user, resumes);
    let patience = scope.patience();
    let first = Box::pin(async move {
        // It is at work, and has a place among the requests that are, until it is done.
        let _permit = permit;
        let called = scope.ctx.call(message).await;
        let (is_unknown, is_rejected) = (is_unknown(&called, resumes), is_rejected(&called));
        let response = scope.close(respond::<M>(&scope, called)).await;
        FirstAnswer {
            response,
            is_unknown,
            is_rejected,
        }
    });
    // It goes on in a task of its own.
    let first = Box::pin(first.in_current_span());
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
    sourcing::is_handled_once(message, &scope.ctx)
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

/// Makes of a reply what the client gets.
fn respond<M>(scope: &RequestScope, called: Result<M::Reply, CallError<M::Error>>) -> Response
where
    M: CallEndpoint,
    M::Reply: EndpointReply,
{
    let result = match called {
        Ok(reply) => answer::<M>(scope, &reply),
        Err(error) => Err(refusal::<M>(scope, &error)),
    };
    match result {
        Ok(answer) => answer.response(),
        Err(details) => scope.problem(&details),
    }
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
    if let Some(endpoint) = &M::descriptor().endpoint
        && endpoint.path.contains('{')
    {
        input.path(endpoint.path, parts.uri.path())?;
    }
    if let Some(query) = parts.uri.query() {
        input.query(query)?;
    }
    let is_get = parts.method == Method::GET || parts.method == Method::HEAD;
    input.message(M::SHAPE, TextNames::of(M::SHAPE, !is_get))
}
