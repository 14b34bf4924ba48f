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
mod endpoint;
mod event_filter;
mod event_source;
mod exposed;
mod feed;
mod field_form;
mod files;
mod gateway;
mod idempotency;
mod input;
mod listen;
mod messages;
mod metrics;
mod openapi;
mod operations;
mod presence;
mod probe;
mod problem;
mod reply;
mod reply_probe;
mod request_id;
mod request_scope;
mod server;
mod server_state;
mod settings;
mod sse;
mod stored_events;
mod stored_feed;

#[doc(no_inline)]
pub use axum::http::{HeaderName, HeaderValue};
#[doc(no_inline)]
pub use tower_http::cors::CorsLayer;

pub use self::custom_routes::RequestContext;
pub use self::messages::{
    AddRoutes, AddStatic, RoutesAdded, ServerFailed, ServerStarted, ServerStopped, StartServer,
    StaticAdded, StopServer,
};
pub use self::problem::{Problem, ProblemKind};
pub use self::reply::{Created, WithHeaders};
pub use self::request_id::RequestId;
pub use self::server::Server;

#[doc(hidden)]
pub mod private {
    //! Not public API. Used by generated code.

    #![allow(missing_docs)]

    pub use schemars::{Schema, SchemaGenerator as Schemas};

    pub use crate::http::endpoint::{
        CallEndpoint, Endpoint, EndpointEntry, EndpointRegistration, EndpointReply, Field,
        ReplyHeaders, ReplyShape, RoutesRegistration, Shape,
    };
    pub use crate::http::field_form::FieldForm;
    pub use crate::http::input::read_message;
    pub use crate::http::probe::{Otherwise, Probe};
    pub use crate::http::problem::{Details, Problem, ProblemKind};
}
