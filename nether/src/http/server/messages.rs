//! The server's commands at run time, and its events.

use std::path::PathBuf;

use nether_macros::{command, event};

use crate::error::Error;
use crate::system::System;

/// Opens an address to serve at. The reply is the address, with its port.
///
/// `127.0.0.1:0` is a free port of this machine; several addresses may be open at once.
#[command(__framework, name = "nether.start_server", reply = String, error = Error)]
pub struct StartServer {
    /// Host and port, such as `127.0.0.1:8080`.
    pub address: String,
}

/// Closes an address: nothing new is accepted, requests at work are finished, streams of events end. Requests
/// that are not done when the [`shutdown_timeout`](crate::SystemBuilder::shutdown_timeout) has passed are cut
/// off, as a stop of the system does it. Replies when that is done, so a request cannot wait for it that came
/// in by the same address: [`process`](crate::Context::process) it.
#[command(__framework, name = "nether.stop_server", error = Error)]
pub struct StopServer {
    /// As [`StartServer`] replied it.
    pub address: String,
}

/// Adds routes, which apply from the next request on. The router that was added last is asked first.
///
/// The server replaces a fallback of the router: a request that the router does not know goes to the routes
/// that were added before.
#[command(__framework, name = "nether.add_routes", local, error = Error)]
#[derive(Debug)]
pub struct AddRoutes {
    /// The routes, as [`#[routes]`](macro@crate::routes) has them.
    pub router: axum::Router<System>,
}

/// Adds a folder of files, which are served from the next request on. No request leaves the folder, neither
/// by `..` nor by a link. Files whose names begin with a dot are not served, except for `.well-known`.
#[command(__framework, name = "nether.add_static", error = Error)]
pub struct AddStatic {
    /// Below which path they are, such as `/assets`; `/` for all that nothing else answers.
    pub path: String,
    /// The folder.
    pub folder: PathBuf,
    /// Whether paths without a file get `index.html`, as an application of a single page wants it.
    pub single_page: bool,
}

/// An address is open.
#[event(__framework, name = "nether.server_started")]
pub struct ServerStarted {
    /// Host and port.
    pub address: String,
    /// Whether it is the one for [management](crate::http::Server::management) alone.
    pub management: bool,
}

/// An address is closed.
#[event(__framework, name = "nether.server_stopped")]
pub struct ServerStopped {
    /// Host and port.
    pub address: String,
}

/// A command to the server failed.
#[event(__framework, name = "nether.server_failed")]
pub struct ServerFailed {
    /// The command's name.
    pub command: String,
    /// What went wrong.
    pub reason: String,
}

/// Routes were added.
#[event(__framework, name = "nether.routes_added")]
pub struct RoutesAdded {
    /// How many routers have been added by now.
    pub count: usize,
}

/// A folder of files was added.
#[event(__framework, name = "nether.static_added")]
pub struct StaticAdded {
    /// Below which path its files are.
    pub path: String,
}
