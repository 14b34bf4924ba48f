//! What `http = ".."` leaves in the program: a description of the message, and the function that serves it.

#![allow(missing_docs)] // Not public API. Used by generated code.

use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use schemars::{Schema, SchemaGenerator};

use crate::declaration::Declaration;
use crate::http::connections::received::ReceivedRequest;
use crate::http::connections::to_the_end::ToTheEnd;
use crate::http::endpoints::call;
use crate::http::endpoints::endpoint::{
    CallEndpoint, Endpoint, EndpointReply, ReplyShape, Shape, success,
};
use crate::http::events::audience::{AudienceRule, audience};
use crate::http::events::feed::{Feed, FeedLimits};
use crate::http::events::field_form::FieldForm;
use crate::http::replies::problem::ProblemKind;
use crate::http::server::state::ServerState;
use crate::message::{Event, MessageDescriptor, MessageKind};
use crate::system::System;

/// Serves a request.
pub(crate) type Serve = fn(Arc<ServerState>, ReceivedRequest) -> ToTheEnd;

/// An endpoint, its types forgotten.
pub struct EndpointEntry {
    pub(crate) message: fn() -> &'static MessageDescriptor,
    pub(crate) shape: Shape,
    pub(crate) docs: &'static str,
    pub(crate) is_deprecated: bool,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Option<Schema>,
    pub(crate) way: EndpointKind,
}

/// How an endpoint answers.
pub(crate) enum EndpointKind {
    /// By the reply to a command or query.
    Call {
        serve: Serve,
        status: Option<u16>,
        reply: ReplyShape,
        problems: fn() -> &'static [ProblemKind],
        /// Whether the message has rules.
        is_validated: bool,
    },
    /// By a stream of events.
    Feed {
        open: fn(&System, FeedLimits) -> Arc<Feed>,
        form: fn() -> FieldForm,
        /// Which events a client may see, if that depends on the event.
        audience: Option<AudienceRule>,
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
                is_validated: M::VALIDATE.is_some(),
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
                form: E::form,
                audience: audience::<E>(),
            },
        }
    }

    pub(crate) fn message(&self) -> &'static MessageDescriptor {
        (self.message)()
    }

    /// What `http = ".."` says: verb and path.
    pub(crate) fn place(&self) -> (&'static str, &'static str) {
        let endpoint = self.message().endpoint;
        endpoint.map_or(("", ""), |endpoint| (endpoint.verb, endpoint.path))
    }

    /// Its path, the same for all endpoints that have it, whatever their parameters are called.
    pub(crate) fn path_template(&self) -> String {
        let endpoint = self.message().endpoint;
        endpoint.map_or_else(String::new, |endpoint| endpoint.path_template())
    }

    /// The method of its requests.
    pub(crate) fn method(&self) -> &'static str {
        match self.place().0 {
            "SSE" => "GET",
            verb => verb,
        }
    }

    /// Whether its requests have a body. Those of a command may, whatever their method.
    pub(crate) fn has_body(&self) -> bool {
        let is_command = self.message().kind == MessageKind::Command;
        is_command || self.method() == "POST"
    }

    /// The status of success: what `status = ..` says, or the convention.
    pub(crate) fn success(&self) -> StatusCode {
        let EndpointKind::Call { status, reply, .. } = &self.way else {
            return StatusCode::OK;
        };
        success(*status, self.message(), reply)
    }

    /// The parameters in its path.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static str> {
        parameters_of(self.place().1)
    }
}

/// The names of the parameters in a path.
pub(crate) fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    let segments = path.split('/');
    segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
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
