//! The encodings of bodies: which of them a request may have, and what an encoded answer is called.

use axum::http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, ETAG, HeaderName, HeaderValue, TRANSFER_ENCODING,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::http::replies::problem::Details;
use crate::http::request_id::RequestId;

/// The answer to a request whose body is encoded, and would be read as it is: a firewall on the way must see
/// what is done (RFC 9110, 15.5.16).
pub(crate) fn refuse_content(headers: &HeaderMap) -> Option<Response> {
    let encoding = unknown(headers, CONTENT_ENCODING, "identity")?;
    let detail = format!("the body has the encoding `{encoding}`: send it as it is");
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let identity = HeaderValue::from_static("identity");
    Some(refusal(
        headers,
        status,
        detail,
        (ACCEPT_ENCODING, identity),
    ))
}

/// The answer to a request whose body came in a transfer coding other than `chunked`: hyper does not undo it
/// (RFC 9112, 6.1).
pub(crate) fn refuse_transfer(headers: &HeaderMap) -> Option<Response> {
    let coding = unknown(headers, TRANSFER_ENCODING, "chunked")?;
    let detail = format!("the transfer coding `{coding}` is not implemented: send `chunked`");
    let close = HeaderValue::from_static("close");
    Some(refusal(
        headers,
        StatusCode::NOT_IMPLEMENTED,
        detail,
        (CONNECTION, close),
    ))
}

fn refusal(
    request: &HeaderMap,
    status: StatusCode,
    detail: String,
    (name, value): (HeaderName, HeaderValue),
) -> Response {
    let mut response = Details::new(status, detail).answer(&RequestId::of(request));
    response.headers_mut().insert(name, value);
    response
}

/// The first coding in the header that is another.
pub(crate) fn unknown(headers: &HeaderMap, name: HeaderName, known: &str) -> Option<String> {
    let lines = headers.get_all(name).iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    let mut codings = lines.flat_map(|line| {
        let codings = line.split(',').map(|coding| coding.trim().to_owned());
        codings.collect::<Vec<_>>()
    });
    codings.find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(known))
}

/// Makes the entity tag of an encoded answer weak: a strong one says that the bytes are the same (RFC 9110,
/// 8.8.3), and they are not those of the answer without an encoding.
pub(crate) fn settle(response: &mut Response) {
    let headers = response.headers_mut();
    if !headers.contains_key(CONTENT_ENCODING) {
        return;
    }
    let strong = headers
        .get(ETAG)
        .filter(|tag| tag.as_bytes().starts_with(b"\""));
    let weak = strong.map(|tag| [b"W/", tag.as_bytes()].concat());
    if let Some(Ok(weak)) = weak.map(|weak| HeaderValue::from_bytes(&weak)) {
        headers.insert(ETAG, weak);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_ENCODING;
    use axum::http::{HeaderMap, HeaderValue};

    use super::refuse_content;

    fn is_taken(encodings: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for encoding in encodings {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        refuse_content(&headers).is_none()
    }

    #[test]
    fn a_body_comes_as_it_is() {
        for taken in [
            &[][..],
            &["identity"],
            &["Identity, identity"],
            &[""],
            &["identity", ""],
        ] {
            assert!(is_taken(taken), "{taken:?}");
        }
        for refused in [&["gzip"][..], &["identity, gzip"], &["identity", "zebra"]] {
            assert!(!is_taken(refused), "{refused:?}");
        }
    }
}
