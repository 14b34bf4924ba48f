//! Reads the headers of W3C Trace Context.

use axum::http::{HeaderMap, HeaderName};

use crate::trace::TraceContext;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Whether there may be a trace.
pub(super) fn is_there(headers: &HeaderMap) -> bool {
    headers.contains_key(TRACEPARENT)
}

/// The trace that the client is part of; `None` if it says so in no valid way, or twice.
pub(super) fn read(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else {
        return None;
    };
    // What comes in several headers is one list (RFC 9110, section 5.3). One line that is no text makes all
    // of it invalid.
    let lines = headers.get_all(TRACESTATE).iter();
    let lines: Result<Vec<&str>, _> = lines.map(|line| line.to_str()).collect();
    let state = lines.ok().filter(|lines| !lines.is_empty());
    let state = state.map(|lines| lines.join(","));
    TraceContext::from_headers(parent.to_str().ok()?, state.as_deref())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::read;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    #[test]
    fn several_lines_of_state_are_one_list_in_their_order() {
        let lines = [
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("tracestate", ""),
            ("tracestate", "b=2,c=3"),
        ];
        let trace = read(&headers(&lines)).unwrap();
        assert_eq!(trace.tracestate(), Some("a=1,b=2,c=3"));
    }

    #[test]
    fn two_parents_are_none_and_state_alone_is_nothing() {
        let twice = [("traceparent", PARENT), ("traceparent", PARENT)];
        assert_eq!(read(&headers(&twice)), None);
        assert_eq!(read(&headers(&[("tracestate", "a=1")])), None);
    }

    #[test]
    fn state_that_is_no_text_is_left_out() {
        let lines = [("traceparent", PARENT), ("tracestate", "a=\u{e9}")];
        let trace = read(&headers(&lines)).unwrap();
        assert_eq!(trace.tracestate(), None);
    }
}
