//! What `http = ".."` leaves in the program: a description of the message, and the function that serves it.

#![allow(missing_docs)] // Not public API. Used by generated code.

use std::fmt;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde_json::Error;

use crate::declaration::Declaration;
use crate::finite;
use crate::http::call;
use crate::http::feed::Feed;
use crate::http::field_form::{FieldForm, form_of};
use crate::http::problem::{Details, ProblemKind};
use crate::http::server_state::ServerState;
pub use crate::http::shape::{Field, Shape};
use crate::message::{ByValue, Event, Message, MessageDescriptor, MessageKind};
use crate::route::BoxFuture;
use crate::system::System;

/// A message that is read from a request.
pub trait Endpoint: Message + DeserializeOwned + Serialize {
    /// What it is made of.
    const SHAPE: Shape;
    /// Its documentation.
    const DOCS: &'static str;
    /// Whether it is `#[deprecated]`.
    const IS_DEPRECATED: bool;

    /// Its schema, if it derives one.
    fn schema(schemas: &mut SchemaGenerator) -> Option<Schema>;
}

/// A command or query that is read from a request, and whose reply is the answer.
pub trait CallEndpoint: Endpoint + ByValue {
    /// The status of success that `status = ..` says.
    const STATUS: Option<u16>;
    /// What is replied.
    const REPLY: ReplyShape;

    /// What problems its error may be.
    fn problems() -> &'static [ProblemKind];

    /// The headers that the reply adds to the answer, if it has any.
    fn headers(reply: &Self::Reply) -> Option<ReplyHeaders>;

    /// Which problem the error is.
    fn problem(error: &Self::Error) -> Option<Details>;
}

/// What is known of a reply.
#[derive(Debug, Clone, Copy)]
pub struct ReplyShape {
    /// It is `()`.
    pub is_nothing: bool,
    /// It is an `Option`.
    pub is_optional: bool,
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// The status that its type says.
    pub status: Option<u16>,
    /// The headers that its type says, for the description.
    pub headers: &'static [ReplyHeader],
}

/// What a reply says in headers.
pub type ReplyHeaders = Box<HeaderMap>;

/// A header of an answer, as the description has it.
#[derive(Debug, Clone, Copy)]
pub struct ReplyHeader {
    pub name: &'static str,
    pub docs: &'static str,
}

/// What the reply of an endpoint must be.
#[diagnostic::on_unimplemented(
    message = "the reply `{Self}` cannot be written as JSON, so the message cannot be an endpoint",
    label = "the reply is not `Serialize`",
    note = "derive it: `#[derive(serde::Serialize)]` above the definition of `{Self}`, or of the types in it"
)]
pub trait EndpointReply {
    /// The reply as JSON.
    fn write(&self) -> serde_json::Result<Vec<u8>>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> EndpointReply for T {
    fn write(&self) -> serde_json::Result<Vec<u8>> {
        let json = serde_json::to_vec(self)?;
        // In place of a float that is not finite stands `null`, which is no number.
        if has_null(&json) {
            finite::check(self, true)
                .map_err(|not| Error::custom(format!("{not}: JSON has no such number")))?;
        }
        Ok(json)
    }
}

/// Whether it says `null`, maybe inside of a string.
fn has_null(json: &[u8]) -> bool {
    std::str::from_utf8(json).is_ok_and(|json| json.contains("null"))
}

/// Asserts that there is no reply, where there is no content.
pub const fn without_content(is_nothing: bool, otherwise: &str) {
    assert!(is_nothing, "{}", otherwise);
}

/// Serves a request.
pub(super) type Serve = fn(Arc<ServerState>, Request) -> BoxFuture<Response>;

/// An endpoint, its types forgotten.
pub struct EndpointEntry {
    pub(super) message: fn() -> &'static MessageDescriptor,
    pub(super) shape: Shape,
    pub(super) docs: &'static str,
    pub(super) is_deprecated: bool,
    pub(super) schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(super) way: EndpointKind,
}

/// How an endpoint answers.
pub(super) enum EndpointKind {
    /// By the reply to a command or query.
    Call {
        serve: Serve,
        status: Option<u16>,
        reply: ReplyShape,
        problems: fn() -> &'static [ProblemKind],
    },
    /// By a stream of events.
    Feed {
        open: fn(&System, usize) -> Arc<Feed>,
        form: fn() -> FieldForm,
    },
}

impl EndpointEntry {
    /// The endpoint of a command or query.
    pub const fn call<M>() -> Self
    where
        M: CallEndpoint + Send,
        M::Reply: EndpointReply,
    {
        EndpointEntry {
            message: M::descriptor,
            shape: M::SHAPE,
            docs: M::DOCS,
            is_deprecated: M::IS_DEPRECATED,
            schema: M::schema,
            way: EndpointKind::Call {
                serve: call::serve::<M>,
                status: M::STATUS,
                reply: M::REPLY,
                problems: M::problems,
            },
        }
    }

    /// The endpoint of an event.
    pub const fn feed<E: Endpoint + Event>() -> Self {
        EndpointEntry {
            message: E::descriptor,
            shape: E::SHAPE,
            docs: E::DOCS,
            is_deprecated: E::IS_DEPRECATED,
            schema: E::schema,
            way: EndpointKind::Feed {
                open: Feed::open::<E>,
                form: form_of::<E>,
            },
        }
    }

    pub(super) fn message(&self) -> &'static MessageDescriptor {
        (self.message)()
    }

    /// What `http = ".."` says: verb and path.
    pub(super) fn place(&self) -> (&'static str, &'static str) {
        let endpoint = self.message().endpoint;
        endpoint.map_or(("", ""), |endpoint| (endpoint.verb, endpoint.path))
    }

    /// Its path, the same for all endpoints that have it, whatever their parameters are called.
    pub(super) fn path_template(&self) -> String {
        let endpoint = self.message().endpoint;
        endpoint.map_or_else(String::new, |endpoint| endpoint.path_template())
    }

    /// The method of its requests.
    pub(super) fn method(&self) -> &'static str {
        match self.place().0 {
            "SSE" => "GET",
            verb => verb,
        }
    }

    /// Whether its requests have a body. Those of a command may, whatever their method.
    pub(super) fn has_body(&self) -> bool {
        let is_command = self.message().kind == MessageKind::Command;
        is_command || self.method() == "POST"
    }

    /// The status of success: what `status = ..` says, or the convention.
    pub(super) fn success(&self) -> StatusCode {
        let EndpointKind::Call { status, reply, .. } = &self.way else {
            return StatusCode::OK;
        };
        success(*status, self.message(), reply)
    }

    /// The parameters in its path.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'static str> {
        parameters_of(self.place().1)
    }
}

/// The names of the parameters in a path.
pub(super) fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    let segments = path.split('/');
    segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The status of success: what `status = ..` says, or the reply, or the convention; what a POST replies was
/// made by it.
pub(super) fn success(
    stated: Option<u16>,
    message: &MessageDescriptor,
    reply: &ReplyShape,
) -> StatusCode {
    let stated = stated.or(reply.status);
    if let Some(stated) = stated.and_then(|status| StatusCode::from_u16(status).ok()) {
        return stated;
    }
    let is_post = message.endpoint.is_some_and(|it| it.verb == "POST");
    match message.kind {
        _ if reply.is_nothing => StatusCode::NO_CONTENT,
        MessageKind::Command if is_post => StatusCode::CREATED,
        _ => StatusCode::OK,
    }
}

impl fmt::Debug for EndpointEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, path) = self.place();
        write!(f, "{verb} {path}")
    }
}

/// An endpoint in the link-time registry.
#[derive(Debug)]
pub struct EndpointRegistration(pub &'static EndpointEntry);

inventory::collect!(EndpointRegistration);

/// What `#[routes]` leaves in the program.
#[derive(Debug)]
pub struct RoutesRegistration {
    pub declaration: Declaration,
    pub build: fn() -> axum::Router<System>,
}

inventory::collect!(RoutesRegistration);
