//! The web server (feature `http`): a message becomes an endpoint by saying so.
//!
#![doc = include_str!("../docs/http.md")]

// From outside to inside: `listen` accepts connections, `admission` looks at each request, `gateway` knows
// what is at which path, `input` makes messages of requests, `call` and `sse` answer with replies and events,
// `request_scope` is the unit of work around an answer.

mod admission;
mod allow;
mod answering;
mod body;
mod call;
mod client_address;
mod command_id;
mod connection;
mod cors;
mod cross_site;
mod custom_routes;
mod cut_off;
mod echo;
mod encodings;
mod ending;
mod endpoint;
mod event_filter;
mod event_source;
mod expectation;
mod exposed;
mod failure_log;
mod feed;
mod field_form;
mod files;
mod flat;
mod gateway;
mod host;
mod hosts;
mod idempotency;
mod input;
mod keyed;
mod late_file;
mod limits;
mod listen;
mod messages;
mod metrics;
mod openapi;
mod operations;
mod patience;
mod permits;
mod presence;
mod probe;
mod problem;
mod ranges;
mod reply;
mod reply_probe;
mod request_id;
mod request_scope;
mod server;
mod server_state;
mod settings;
mod shape;
#[cfg(feature = "eventstore")]
mod sourcing;
mod sse;
mod stored_events;
mod stored_feed;
mod wire;

#[doc(no_inline)]
pub use axum::extract::ConnectInfo;
#[doc(no_inline)]
pub use axum::http::{HeaderName, HeaderValue};
#[doc(no_inline)]
pub use tower_http::cors::{AllowOrigin, CorsLayer};

pub use self::client_address::ForwardedHeader;
pub use self::custom_routes::RequestContext;
pub use self::messages::{
    AddRoutes, AddStatic, RoutesAdded, ServerFailed, ServerStarted, ServerStopped, StartServer,
    StaticAdded, StopServer,
};
pub use self::problem::{Problem, ProblemKind};
pub use self::reply::{Created, WithHeaders};
pub use self::request_id::RequestId;
pub use self::server::Server;

#[doc = include_str!("../docs/http_defaults.md")]
pub mod defaults {}

#[doc(hidden)]
pub mod private {
    //! Not public API. Used by generated code.

    #![allow(missing_docs)]

    pub use schemars::{Schema, SchemaGenerator as Schemas};

    pub use crate::http::endpoint::{
        CallEndpoint, Endpoint, EndpointEntry, EndpointRegistration, EndpointReply, Field,
        ReplyHeaders, ReplyShape, RoutesRegistration, Shape, without_content,
    };
    pub use crate::http::field_form::FieldForm;
    pub use crate::http::flat::{MapOfText, flat_in_body, flat_in_query};
    pub use crate::http::input::read_message;
    pub use crate::http::probe::{Otherwise, Probe};
    pub use crate::http::problem::{Details, Problem, ProblemKind};
    pub use crate::http::shape::{Explain, Fault};
}
