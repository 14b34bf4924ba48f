//! The web server (feature `http`): a message becomes an endpoint by saying so.
//!
#![doc = include_str!("../docs/http.md")]

// From outside to inside: `listen` accepts connections, `admission` looks at each request, `gateway` knows
// what is at which path, `input` makes messages of requests, `call` and `sse` answer with replies and events,
// `request_scope` is the unit of work around an answer.

mod access;
mod admission;
mod connections;
mod custom_routes;
mod endpoints;
mod events;
mod files;
mod gateway;
mod idempotency;
mod input;
mod openapi;
mod operations;
mod rare_headers;
mod replies;
mod request_id;
mod request_scope;
mod server;

#[doc(no_inline)]
pub use axum::extract::ConnectInfo;
#[doc(no_inline)]
pub use axum::http::{HeaderName, HeaderValue};
#[doc(no_inline)]
pub use tower_http::cors::{AllowOrigin, CorsLayer};

pub use self::access::client_address::ForwardedHeader;
pub use self::custom_routes::RequestContext;
pub use self::replies::problem::{Problem, ProblemKind};
pub use self::replies::reply::{Created, WithHeaders};
pub use self::request_id::RequestId;
pub use self::server::Server;
pub use self::server::messages::{
    AddRoutes, AddStatic, RoutesAdded, ServerFailed, ServerStarted, ServerStopped, StartServer,
    StaticAdded, StopServer,
};

#[doc = include_str!("../docs/http_defaults.md")]
pub mod defaults {}

#[doc(hidden)]
pub mod private {
    //! Not public API. Used by generated code.

    #![allow(missing_docs)]

    pub use schemars::{Schema, SchemaGenerator as Schemas};

    pub use crate::http::endpoints::endpoint::{
        CallEndpoint, Endpoint, EndpointReply, Field, ReplyHeaders, ReplyShape, Shape,
        without_content,
    };
    pub use crate::http::endpoints::entry::{
        EndpointEntry, EndpointRegistration, RoutesRegistration,
    };
    pub use crate::http::endpoints::flat::{MapOfText, flat_in_body, flat_in_query};
    pub use crate::http::endpoints::probe::{Otherwise, Probe};
    pub use crate::http::endpoints::shape::{Explain, Fault};
    pub use crate::http::events::field_form::FieldForm;
    pub use crate::http::input::read_message;
    pub use crate::http::replies::problem::{Details, Problem, ProblemKind};
}
