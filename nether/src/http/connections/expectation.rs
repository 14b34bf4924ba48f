//! `Expect`: what a client wants to be sure of before it sends its body.

use axum::http::header::{EXPECT, HeaderMap};
use axum::http::{StatusCode, Version};

use crate::http::replies::problem::Details;

/// Whether the client waits for `100 Continue` with its body, or what is wrong with what it expects. A client
/// of HTTP/1.0 waits for nothing (RFC 9110, section 10.1.1).
pub(crate) fn awaits_continue(headers: &HeaderMap, version: Version) -> Result<bool, Details> {
    if version < Version::HTTP_11 {
        return Ok(false);
    }
    let mut is_awaited = false;
    for expected in headers.get_all(EXPECT) {
        if !expected.as_bytes().eq_ignore_ascii_case(b"100-continue") {
            let detail = "nothing but `100-continue` may be expected";
            return Err(Details::new(StatusCode::EXPECTATION_FAILED, detail));
        }
        is_awaited = true;
    }
    Ok(is_awaited)
}
