//! [`WithHeaders`] and [`Created`]: replies that say something in headers of the answer.

use std::borrow::Cow;
use std::ops::Deref;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION, TRANSFER_ENCODING,
};
use axum::http::{Method, StatusCode, request};
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use crate::http::endpoints::endpoint::ReplyHeaders;

/// A reply with headers: the value is the content of the answer, and callers inside the program take it with
/// [`into_inner`](WithHeaders::into_inner).
///
/// ```
/// use nether::http::WithHeaders;
/// use nether::prelude::*;
///
/// #[query(reply = Option<WithHeaders<String>>, http = "GET /pages/{page}")]
/// pub struct ReadPage { pub page: u32 }
///
/// #[derive(Default)]
/// pub struct Book;
///
/// #[module(handles = ReadPage)]
/// impl Book {
///     async fn read(&self, read: ReadPage) -> Option<WithHeaders<String>> {
///         let text = (read.page == 1).then(|| "Call me Ishmael.".to_owned())?;
///         Some(WithHeaders::new(text).etag("edition-1").cache_control("max-age=60"))
///     }
/// }
/// ```
///
/// An answer to a GET with an `etag` that the request lists in `if-none-match` is a 304, without content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithHeaders<T> {
    value: T,
    headers: HeaderMap,
}

impl<T> WithHeaders<T> {
    /// The value, without headers yet.
    pub fn new(value: T) -> Self {
        WithHeaders {
            value,
            headers: HeaderMap::new(),
        }
    }

    /// Adds a header. Several of one name are several lines of the answer; `content-type`, `content-length`
    /// and `transfer-encoding` are the server's.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets `location`: where the thing is that the answer is about. What cannot stand in a URI is
    /// percent-encoded.
    #[must_use]
    pub fn location(mut self, place: impl AsRef<str>) -> Self {
        self.headers.insert(LOCATION, uri(place.as_ref()));
        self
    }

    /// Sets `etag` to a strong tag: it changes whenever a byte of the content does. What cannot stand in a
    /// tag is percent-encoded.
    #[must_use]
    pub fn etag(mut self, tag: impl AsRef<str>) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
        let tag = encoded(tag.as_ref(), is_plain);
        self.headers.insert(ETAG, value(format!("\"{tag}\"")));
        self
    }

    /// Adds `cache-control`, such as `no-store` or `max-age=60`.
    ///
    /// # Panics
    /// If the text cannot stand in a header.
    #[must_use]
    pub fn cache_control(self, directives: &'static str) -> Self {
        self.header(CACHE_CONTROL, HeaderValue::from_static(directives))
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for WithHeaders<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The reply to a command that made something: 201, whatever its method, with `location`, where that is.
///
/// ```
/// use nether::http::Created;
/// use nether::prelude::*;
///
/// #[command(reply = Created<u64>, http = "POST /orders")]
/// pub struct PlaceOrder;
///
/// #[derive(Default)]
/// pub struct Desk { orders: u64 }
///
/// #[module(handles = PlaceOrder)]
/// impl Desk {
///     async fn place(&mut self, _: PlaceOrder) -> Created<u64> {
///         self.orders += 1;
///         Created::at(format!("/orders/{}", self.orders), self.orders)
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created<T> {
    /// Where it is.
    pub location: String,
    /// What was made, as the content of the answer.
    pub value: T,
}

impl<T> Created<T> {
    /// Made at that place.
    pub fn at(location: impl Into<String>, value: T) -> Self {
        Created {
            location: location.into(),
            value,
        }
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Created<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A reference to a URI as the value of a header: what cannot stand in one is percent-encoded.
fn uri(place: &str) -> HeaderValue {
    let is_plain = |byte: u8| {
        let is_other = matches!(
            byte,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        );
        byte.is_ascii_graphic() && !is_other
    };
    value(encoded(place, is_plain))
}

/// The text, with all but plain bytes percent-encoded.
fn encoded(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match is_plain(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

fn value(visible: String) -> HeaderValue {
    HeaderValue::try_from(visible).expect("all of it is visible ASCII")
}

impl<T: Serialize> Serialize for WithHeaders<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: Serialize> Serialize for Created<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T> WithHeaders<T> {
    pub(crate) fn added(&self) -> Option<ReplyHeaders> {
        (!self.headers.is_empty()).then(|| {
            let mut headers = self.headers.clone();
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_LENGTH);
            headers.remove(TRANSFER_ENCODING);
            Box::new(headers)
        })
    }
}

impl<T> Created<T> {
    pub(crate) fn added(&self) -> Option<ReplyHeaders> {
        let location = uri(&self.location);
        Some(Box::new(HeaderMap::from_iter([(LOCATION, location)])))
    }
}

/// The schema of a reply is that of its value.
macro_rules! as_its_value {
    ($($reply:ident),*) => {
        $(
            impl<T: JsonSchema> JsonSchema for $reply<T> {
                fn inline_schema() -> bool {
                    T::inline_schema()
                }

                fn schema_name() -> Cow<'static, str> {
                    T::schema_name()
                }

                fn schema_id() -> Cow<'static, str> {
                    T::schema_id()
                }

                fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
                    T::json_schema(schemas)
                }
            }
        )*
    };
}

as_its_value!(WithHeaders, Created);

/// The answer to a query; a 304 if it was a `GET` or `HEAD`, and the client has its content already (RFC
/// 9110, section 13.1.2).
pub(crate) fn unless_known(request: &request::Parts, mut response: Response) -> Response {
    if request.method != Method::GET && request.method != Method::HEAD {
        return response;
    }
    let Some(tag) = response.headers().get(ETAG) else {
        return response;
    };
    if response.status() != StatusCode::OK || !lists(&request.headers, tag) {
        return response;
    }
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.body_mut() = Body::empty();
    response.headers_mut().remove(CONTENT_TYPE);
    response
}

/// Whether the client has what the tag stands for: tags are compared without regard to whether they are weak.
fn lists(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(tag) = tag.to_str().map(opaque) else {
        return false;
    };
    let lines = headers.get_all(IF_NONE_MATCH).iter();
    let mut lines = lines.filter_map(|line| line.to_str().ok());
    lines.any(|line| line.trim() == "*" || tags(line).any(|known| opaque(known) == tag))
}

/// The tags in a line. A comma may stand in a tag, between its quotes.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    line.split(move |letter| {
        is_quoted ^= letter == '"';
        letter == ',' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::{HeaderValue, IF_NONE_MATCH};

    use super::{lists, uri};

    #[test]
    fn a_tag_is_known_whatever_its_weakness_and_its_place_in_the_list() {
        for (listed, is_known) in [
            ("\"a,b\"", true),
            ("W/\"a,b\"", true),
            ("\"x\", W/\"a,b\" ,\"y\"", true),
            ("*", true),
            ("\"a\", \"b\"", false),
            ("a,b", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(listed));
            let tag = HeaderValue::from_static("\"a,b\"");
            assert_eq!(lists(&headers, &tag), is_known, "{listed}");
        }
        assert!(!lists(
            &HeaderMap::new(),
            &HeaderValue::from_static("\"a\"")
        ));
    }

    #[test]
    fn a_place_is_a_reference_to_a_uri_whatever_is_in_it() {
        for (place, expected) in [
            ("/orders/7?a=b#c", "/orders/7?a=b#c"),
            ("/orders/a b", "/orders/a%20b"),
            ("/orders/\u{e4}%20", "/orders/%C3%A4%20"),
            ("/a\r\nset-cookie: b", "/a%0D%0Aset-cookie:%20b"),
        ] {
            assert_eq!(uri(place), expected);
        }
    }
}
