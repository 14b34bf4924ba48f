//! What a request carries, as an endpoint takes it: JSON, and not too long.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, request};
use hyper::body::Body as HttpBody;

use crate::escaped::Escaped;
use crate::http::connections::received::{ReceivedBody, ReceivedRequest};
use crate::http::endpoints::endpoint::CallEndpoint;
use crate::http::replies::problem::Details;
use crate::http::server::settings::ServerSettings;
use crate::message::MessageKind;

/// The body, if it is JSON and not too long. A GET has none. A request whose head is enough to refuse it is
/// refused before anything is read, so that a client that waits for `100 Continue` does not send it.
pub(super) async fn read(
    settings: &ServerSettings,
    request: &mut ReceivedRequest,
) -> Result<Bytes, Details> {
    let ReceivedRequest { parts, body, .. } = request;
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
    let content = match collect(body, settings.body_limit).await {
        Ok(Some(content)) => content,
        Ok(None) => return Err(too_long(settings)),
        Err(error) => {
            tracing::debug!(error = %Escaped(&error), "a request's body did not come");
            let detail = "the body did not come to its end";
            return Err(Details::new(StatusCode::BAD_REQUEST, detail));
        }
    };
    if !content.is_empty() && !is_json {
        return Err(not_json());
    }
    Ok(content)
}

/// All bytes of the body; `None` if there are more than `limit`. What has come in one piece is not copied.
/// The pieces are held until the last one is there: as long as they are, they count as memory of bodies.
async fn collect(body: &mut ReceivedBody, limit: usize) -> Result<Option<Bytes>, axum::Error> {
    let (mut first, mut rest) = (Bytes::new(), Vec::new());
    let mut length = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        if let Ok(piece) = frame?.into_data() {
            length += piece.len();
            if length > limit {
                return Ok(None);
            }
            match first.is_empty() {
                true => first = piece,
                false => rest.push(piece),
            }
        }
        if body.is_end_stream() {
            break;
        }
    }
    if rest.is_empty() {
        return Ok(Some(first));
    }
    let mut all = Vec::with_capacity(length);
    all.extend_from_slice(&first);
    rest.iter().for_each(|piece| all.extend_from_slice(piece));
    Ok(Some(all.into()))
}

fn too_long(settings: &ServerSettings) -> Details {
    let detail = format!("the body is longer than {} bytes", settings.body_limit);
    Details::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

pub(super) fn not_json() -> Details {
    let detail = "the body must be JSON: `content-type: application/json`";
    Details::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

/// Whether the query fills fields of a command that a plain form could send. Such a request says that it is
/// JSON, also without a body: no page of another origin can say so without a preflight.
pub(super) fn must_be_json<M: CallEndpoint>(parts: &request::Parts) -> bool {
    M::KIND == MessageKind::Command
        && parts.method == Method::POST
        && parts.uri.query().is_some_and(|query| !query.is_empty())
}

pub(super) fn is_json(parts: &request::Parts) -> bool {
    let Some(stated) = parts.headers.get(CONTENT_TYPE) else {
        return false;
    };
    // What nearly all clients say.
    if stated.as_bytes() == b"application/json" {
        return true;
    }
    let stated = stated.to_str().unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim();
    let is = |json: &str| essence.eq_ignore_ascii_case(json);
    is("application/json") || essence.to_ascii_lowercase().ends_with("+json")
}
