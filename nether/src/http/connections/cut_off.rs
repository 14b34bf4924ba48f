//! Requests that are still at work when a stop has no more time: they are answered with 503, and the log says
//! what each was.

use axum::http::{Method, Uri};
use axum::response::Response;

use crate::http::endpoints::presence::declared;
use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;
use crate::http::server::state::ServerState;

/// The answer to a request that is cut off.
#[cold]
pub(crate) fn answer(state: &ServerState, asked: &(Method, Uri), id: &RequestId) -> Response {
    let (method, uri) = asked;
    let path = template(method, uri.path()).unwrap_or(uri.path());
    tracing::warn!(%method, path, request_id = id.as_str(), "a request was cut off by the stop");
    state.system.note_requests_cut_off(1);
    let detail = "the server stopped before this was done; it may still have been done";
    Details::unavailable(detail).answer(id)
}

/// The path of the endpoint that was asked for, as the program has it: so lines of one endpoint are alike.
fn template(method: &Method, path: &str) -> Option<&'static str> {
    let mut of_method = declared()
        .into_iter()
        .filter(|endpoint| endpoint.method() == method);
    let found = of_method.find(|endpoint| is_at(endpoint.place().1, path))?;
    Some(found.place().1)
}

fn is_at(declared: &str, path: &str) -> bool {
    let is_same =
        |(declared, segment): (&str, &str)| declared.starts_with('{') || declared == segment;
    declared.split('/').count() == path.split('/').count()
        && declared.split('/').zip(path.split('/')).all(is_same)
}
