//! The guard in front of what a server answers: it finds out who asks, refuses requests whose roles do not
//! suffice before their bodies are read, and lets the others on.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{StatusCode, request};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::timeout;

use crate::http::identity::authenticate::Authenticator;
use crate::http::identity::head::RequestHead;
use crate::http::identity::identified::{Identified, principal};
use crate::http::observation::observed::{note_matched_route, note_principal};
use crate::http::replies::failure_log::FailedRequest;
use crate::http::replies::problem::{Details, Refusal};
use crate::http::replies::problem_details::ProblemDetails;
use crate::http::request_id::RequestId;
use crate::http::server::settings::ServerSettings;
use crate::http::server::state::ServerState;
use crate::message::AccessDescriptor;
use crate::principal::Principal;

/// What stands in front of one endpoint.
#[derive(Clone)]
pub(crate) struct Guard {
    state: Arc<ServerState>,
    access: Option<AccessDescriptor>,
}

impl Guard {
    /// The guard of an endpoint that requires that much. `None` if there is nothing to guard: neither does
    /// the server ask who its clients are, nor does the endpoint require anything.
    pub(crate) fn of(state: &Arc<ServerState>, access: Option<AccessDescriptor>) -> Option<Self> {
        let is_needed = state.settings.authenticator.is_some() || access.is_some();
        is_needed.then(|| Guard {
            state: Arc::clone(state),
            access,
        })
    }

    /// Lets a request on to what answers it, or refuses it.
    pub(crate) async fn around<A>(
        self,
        request: Request,
        answer: impl FnOnce(Request) -> A,
    ) -> Response
    where
        A: Future<Output = Response>,
    {
        let settings = &self.state.settings;
        let (mut parts, body) = request.into_parts();
        let mut response = match self.admit(&mut parts).await {
            Ok(()) => answer(Request::from_parts(parts, body)).await,
            Err(refusal) => refused(&refusal, &parts),
        };
        challenge(settings, &mut response);
        response
    }

    /// Notes who asks, and checks that they may.
    async fn admit(&self, parts: &mut request::Parts) -> Result<(), Refusal> {
        let settings = &self.state.settings;
        // A request may pass several guards, those of folders in folders for one; it is identified once.
        if let Some(authenticator) = &settings.authenticator
            && Identified::of(&parts.extensions).is_none()
        {
            let principal = authenticated(authenticator, settings, parts).await?;
            let principal = Some(principal).filter(|it| !it.is_anonymous());
            if let Some(principal) = &principal {
                note_principal(&parts.extensions, principal);
            }
            parts.extensions.insert(Identified(principal));
        }
        let Some(access) = self.access else {
            return Ok(());
        };
        if settings.authenticator.is_none() {
            // The server would not have started, so the endpoint came later.
            return Err(Details::forbidden(None).into());
        }
        let principal = principal(&parts.extensions);
        let principal = principal.ok_or_else(Details::not_signed_in)?;
        match access.missing(principal) {
            None => Ok(()),
            missing => Err(Details::forbidden(missing).into()),
        }
    }
}

/// Asks the authenticator, which has as much time as a request.
async fn authenticated(
    authenticator: &Authenticator,
    settings: &ServerSettings,
    parts: &request::Parts,
) -> Result<Principal, Refusal> {
    let asked = authenticator.authenticate(RequestHead::of(parts));
    match timeout(settings.request_timeout, asked).await {
        Ok(asked) => asked.map_err(ProblemDetails::into_refusal),
        Err(_) => {
            let error = "the authenticator took longer than a request may";
            Err(Refusal::new(Details::too_late(), error.to_owned()))
        }
    }
}

/// The answer to a request that is refused; the log has the same id, if it is the server that failed.
#[cold]
fn refused(refusal: &Refusal, parts: &request::Parts) -> Response {
    let (id, (details, error)) = (RequestId::of(&parts.headers), refusal.parts());
    let failed = FailedRequest {
        id: &id,
        message: "",
        error: &error,
        is_impatient: false,
    };
    failed.log(details);
    refusal.answer(&id)
}

/// Tells the client of a 401 how to send credentials (RFC 9110, section 11.6.1), unless the answer says it.
fn challenge(settings: &ServerSettings, response: &mut Response) {
    let is_told = response.headers().contains_key(WWW_AUTHENTICATE);
    if response.status() != StatusCode::UNAUTHORIZED || is_told {
        return;
    }
    let authenticator = settings.authenticator.iter();
    for scheme in authenticator.flat_map(|it| it.schemes.iter()) {
        if let Some(challenge) = scheme.challenge() {
            response.headers_mut().append(WWW_AUTHENTICATE, challenge);
        }
    }
}

/// Lets a request on to what answers it, through the guard if there is one.
pub(crate) async fn around<A>(
    guard: Option<Guard>,
    request: Request,
    answer: impl FnOnce(Request) -> A,
) -> Response
where
    A: Future<Output = Response>,
{
    match guard {
        Some(guard) => guard.around(request, answer).await,
        None => answer(request).await,
    }
}

/// The guard as a layer, around routes that are written by hand.
pub(crate) async fn layer(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    note_matched_route(&request);
    guard.around(request, |request| next.run(request)).await
}
