//! [`Endpoint`]: a message that is read from a request, and [`CallEndpoint`]: one whose reply is the answer.

#![allow(missing_docs)] // Not public API. Used by generated code.

use std::io;

use axum::http::{HeaderMap, StatusCode};
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde_json::ser::Formatter;
use serde_json::{Error, Serializer};

use crate::finite;
pub use crate::http::endpoints::shape::{Field, Shape};
use crate::http::events::field_form::{FieldForm, form_of};
use crate::http::replies::problem::{Details, ProblemKind};
use crate::message::{ByValue, Message, MessageDescriptor, MessageKind};

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

    /// What it looks like as JSON: what it is read from, unless its attributes say that it is written as
    /// another type.
    fn form() -> FieldForm {
        form_of::<Self>()
    }
}

/// A command or query that is read from a request, and whose reply is the answer.
pub trait CallEndpoint: Endpoint + ByValue {
    /// The status of success that `status = ..` says.
    const STATUS: Option<u16>;
    /// The shape of the reply.
    const REPLY: ReplyShape;

    /// What problems its error may be.
    fn problems() -> &'static [ProblemKind];

    /// The headers that the reply adds to the answer, if it has any.
    fn headers(reply: &Self::Reply) -> Option<ReplyHeaders>;

    /// Which problem the error is.
    fn problem(error: &Self::Error) -> Option<Details>;
}

/// The shape of a reply, and how an answer is made of it.
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
        let (mut json, mut has_null) = (Vec::with_capacity(JSON_BYTES), false);
        let formatter = NullFinder(&mut has_null);
        self.serialize(&mut Serializer::with_formatter(&mut json, formatter))?;
        // In place of a float that is not finite stands `null`, which is no number.
        if has_null {
            finite::check(self, true)
                .map_err(|not| Error::custom(format!("{not}: JSON has no such number")))?;
        }
        Ok(json)
    }
}

/// The room that a reply gets at first.
const JSON_BYTES: usize = 128;

/// Writes compactly, and notes whether a value is `null`.
struct NullFinder<'a>(&'a mut bool);

impl Formatter for NullFinder<'_> {
    fn write_null<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        *self.0 = true;
        writer.write_all(b"null")
    }
}

/// Asserts that there is no reply, where there is no content.
pub const fn without_content(is_nothing: bool, otherwise: &str) {
    assert!(is_nothing, "{}", otherwise);
}

/// The status of success: what `status = ..` says, or the reply, or the convention; what a POST replies was
/// made by it.
pub(crate) fn success(
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
