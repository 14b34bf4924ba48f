//! The web server (feature `http`): a message becomes an endpoint by saying so.
//!
#![doc = include_str!("../docs/http.md")]

// From outside to inside: `listen` accepts connections, `gateway` knows what is at which path, `input` makes
// messages of requests, `call` and `sse` answer with replies and events, `request_scope` is the unit of work
// around an answer.

mod allow;
mod call;
mod connection;
mod custom_routes;
mod encodings;
mod endpoint;
mod feed;
mod files;
mod flat;
mod gateway;
mod idempotency;
mod input;
mod listen;
mod messages;
mod metrics;
mod openapi;
mod operations;
mod probe;
mod problem;
mod ranges;
mod request_id;
mod request_scope;
mod server;
mod server_state;
mod settings;
mod shape;
mod sse;

#[doc(no_inline)]
pub use axum::http::HeaderValue;
#[doc(no_inline)]
pub use tower_http::cors::CorsLayer;

pub use self::custom_routes::RequestContext;
pub use self::messages::{
    AddRoutes, AddStatic, RoutesAdded, ServerFailed, ServerStarted, ServerStopped, StartServer,
    StaticAdded, StopServer,
};
pub use self::problem::{Problem, ProblemKind};
pub use self::request_id::RequestId;
pub use self::server::Server;

#[doc(hidden)]
pub mod private {
    //! Not public API. Used by generated code.

    #![allow(missing_docs)]

    pub use schemars::{Schema, SchemaGenerator as Schemas};

    pub use crate::http::endpoint::{
        CallEndpoint, Endpoint, EndpointEntry, EndpointRegistration, EndpointReply, Field,
        ReplyShape, RoutesRegistration, Shape, without_content,
    };
    pub use crate::http::flat::{MapOfText, flat_in_body, flat_in_query};
    pub use crate::http::input::read_message;
    pub use crate::http::probe::{Otherwise, Probe};
    pub use crate::http::problem::{Details, Problem, ProblemKind};
    pub use crate::http::shape::{Explain, Fault};
}
