//! [`Server`]: the module that serves the program over HTTP, and its settings.

mod access;
mod bounds;
mod exposed;
mod idempotency;
mod identity;
mod layers;
pub(super) mod messages;
pub(super) mod settings;
pub(super) mod state;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nether_macros::module;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::guarded::panic_text;
use crate::http::connections::listen::Listening;
use crate::http::endpoints::presence::log_absent;
use crate::http::gateway::Gateway;
use crate::http::identity::report::log_open;
use crate::http::server::messages::{
    AddRoutes, AddStatic, RoutesAdded, ServerFailed, ServerStarted, ServerStopped, StartServer,
    StaticAdded, StopServer,
};
use crate::http::server::settings::{FOREVER, ServerSettings};
use crate::http::server::state::{Folder, ServerShared};
use crate::message::Message;
use crate::sync::lock;
use crate::system::{System, WeakSystem};

/// The web server: serves the messages that say `http = ".."`, [`#[routes]`](macro@crate::routes), folders of
/// files, `/livez` and `/readyz`, and, [where a setting says so](Server::management), `/metrics` and
/// `/openapi.json`.
///
/// [`System::serve`] is all that most programs need. One that wants other settings makes a server, sets it,
/// and lets it [`serve`](Server::serve); one that opens and closes addresses while it runs
/// [attaches](System::attach) it, and sends it [`StartServer`], [`StopServer`], [`AddRoutes`] and
/// [`AddStatic`].
///
/// ```
/// use nether::http::{Server, StartServer, StopServer};
/// use nether::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// let system = System::builder().isolated().start().await?;
/// system.attach(Server::new(&system).body_limit(64 * 1024)).await?;
/// let ctx = system.context();
/// let address = ctx.send(StartServer { address: "127.0.0.1:0".into() }).await?;
/// println!("http://{address}/livez");
/// ctx.send(StopServer { address }).await?;
/// ctx.close().await?;
/// # system.shutdown().await;
/// # Ok(()) }
/// ```
///
/// Nothing is encrypted: TLS is for the proxy in front. HTTP/1.1 and HTTP/2 (with prior knowledge) are served
/// on one port.
pub struct Server {
    /// Weak: a server that is attached and not started does not keep its system.
    system: WeakSystem,
    pub(crate) settings: ServerSettings,
    shared: Arc<ServerShared>,
    open: Mutex<Vec<Listening>>,
}

impl Server {
    /// A server of that system. Its default settings bound what a client can do, so that the open Internet
    /// may reach it.
    ///
    /// `/livez` and `/readyz` are served at the same address as the endpoints, unless
    /// [`management`](Server::management) names an address of their own. `/metrics`, `/openapi.json`, and
    /// `/docs` with the feature `swagger-ui`, are served at the address for management alone;
    /// [`public_metrics`](Server::public_metrics) and [`public_docs`](Server::public_docs) show them to
    /// clients too.
    pub fn new(system: &System) -> Self {
        Server {
            system: system.downgrade(),
            settings: ServerSettings::default(),
            shared: Arc::default(),
            open: Mutex::default(),
        }
    }

    /// How long the headers of a request may take to arrive, and how long a connection may wait for its next
    /// request: 15 seconds by default. After that time, or at most twice that time, the connection is closed.
    #[must_use]
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.settings.header_timeout = timeout.min(FOREVER);
        self
    }

    /// How long a client may go without reading: 30 seconds by default. Then the connection is closed. On
    /// HTTP/2, the stream that is not read ends, and the connection is closed once there was no traffic on it
    /// for that time, or at most twice that time.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.settings.write_timeout = timeout.min(FOREVER);
        self
    }

    /// How long a request may take: the deadline of its context, 30 seconds by default. A client may ask for
    /// less, with `Prefer: wait=5`. A longer request is answered with 504; a command that has begun runs to
    /// its end. A command with an `Idempotency-Key` that has begun has no deadline. Streams of events have no
    /// such limit.
    ///
    /// A stop of the system must leave a request as much time: a server does not start if this is longer than
    /// [`SystemBuilder::shutdown_timeout`](crate::SystemBuilder::shutdown_timeout). [`Duration::MAX`] stands
    /// for no limit; then a stop cuts off what takes longer than the stop may.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout.min(FOREVER);
        self
    }

    /// The silence after which a stream of events sends a sign of life: 15 seconds by default.
    #[must_use]
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.settings.keep_alive = interval.min(FOREVER);
        self
    }

    /// How many events of each type are kept for clients that reconnect with `Last-Event-ID`, or that read
    /// slowly: 1024 by default.
    #[must_use]
    pub fn event_history(mut self, events: usize) -> Self {
        self.settings.events.events = events;
        self
    }

    /// How many bytes of the events of each type are kept for that: 16 MiB by default. The newest event is
    /// kept however long it is. If a [function](macro@crate::event) decides who may see an event, the event
    /// is also kept as its type, which counts as the size of the type and the length of the text.
    #[must_use]
    pub fn event_memory(mut self, bytes: usize) -> Self {
        self.settings.events.bytes = bytes;
        self
    }

    /// Compresses answers for clients that accept it. It is off by default, because an attacker can guess
    /// secrets from the length of an answer that is compressed together with text that the attacker chose
    /// (BREACH).
    #[must_use]
    pub fn compression(mut self) -> Self {
        self.settings.compression = true;
        self
    }

    /// Whether each request is a line in the log, at the level `info`: it is by default, since a program
    /// whose subscriber does not want the target `nether::access` at that level pays nothing for it, and the
    /// first question of who operates a server is what it was asked. Requests for `/livez`, `/readyz` and
    /// `/metrics`, which come every few seconds, are at the level `debug`. See the page on
    /// [tracing](crate::spans#the-access-log).
    #[must_use]
    pub fn access_log(mut self, is_on: bool) -> Self {
        self.settings.access_log = is_on;
        self
    }

    /// The title and the version of the API in its description.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>, version: impl Into<String>) -> Self {
        self.settings.title = (title.into(), version.into());
        self
    }

    /// Serves the files of a folder below a path, as [`AddStatic`] does. A relative folder is below the
    /// current one. If there is no such folder yet, that is in the log.
    #[must_use]
    pub fn files(self, path: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        self.folder(path.into(), folder.into(), false)
    }

    /// Serves an application of a single page from a folder: where nothing else is, browsers get its
    /// `index.html`.
    #[must_use]
    pub fn single_page(self, folder: impl Into<PathBuf>) -> Self {
        self.folder("/".to_owned(), folder.into(), true)
    }

    fn folder(self, path: String, folder: PathBuf, single_page: bool) -> Self {
        self.shared.add_folder(Folder {
            path,
            folder,
            single_page,
        });
        self
    }

    /// Attaches the server, opens the address, and serves until a stop of the system is requested; then stops
    /// the system.
    ///
    /// # Errors
    /// If the address, or that of [`management`](Server::management), is not one, or is taken; if the system
    /// has a server already, or is stopping or gone; or if a stop would leave requests less time than they
    /// may take (a [`StartError`](crate::StartError) that says so). The server is then detached, and the
    /// system goes on. If the stop cut something off: the error says what, as
    /// [`ShutdownReport`](crate::ShutdownReport) does.
    pub async fn serve(self, address: impl Into<String>) -> Result<()> {
        let system = self.running()?;
        self.check_settings(&system)?;
        let address = address.into();
        let attached = system.attach(self).await?;
        let start = async |ctx: &Context| Ok(ctx.send(StartServer { address }).await?);
        if let Err(error) = system.scope(start).await {
            // Another one may try another address.
            system.detach(attached).await;
            return Err(error);
        }
        let report = system.wait_for_shutdown().await;
        report.failure().map_or(Ok(()), Err)
    }

    fn running(&self) -> Result<System> {
        let system = self.system.upgrade();
        system.ok_or_else(|| Error::msg("the system of this server is gone"))
    }

    /// Opens the address, and the one for management if it is not open yet. The last one is the address that
    /// was asked for.
    async fn start(&self, address: &str) -> Result<Vec<ServerStarted>> {
        let system = self.running()?;
        let settings = Arc::new(self.settings.clone());
        let shared = Arc::clone(&self.shared);
        // The user's: axum panics over routes that contradict each other.
        let public = || Gateway::public(system.clone(), Arc::clone(&settings), shared);
        let gateway = catch_unwind(AssertUnwindSafe(public));
        let gateway = gateway.map_err(|panic| Error::msg(panic_text(&*panic)))?;
        let listening = open(address, gateway).await?;
        let management = self.open_management(&system, &settings).await?;
        log_absent(&system);
        log_open(&system, &settings);
        if let Some(hidden) = settings.hidden() {
            tracing::info!("{hidden}");
        }
        let opened = management.into_iter().chain([listening]);
        Ok(opened.map(|listening| self.keep(listening)).collect())
    }

    fn keep(&self, listening: Listening) -> ServerStarted {
        let started = ServerStarted {
            address: listening.address.to_string(),
            management: listening.gateway.state.is_private,
        };
        tracing::info!(address = started.address, "serving");
        lock(&self.open).push(listening);
        started
    }

    /// Opens the address for management, if there is one and it is not open.
    async fn open_management(
        &self,
        system: &System,
        settings: &Arc<ServerSettings>,
    ) -> Result<Option<Listening>> {
        let is_open = lock(&self.open)
            .iter()
            .any(|it| it.gateway.state.is_private);
        let Some(address) = settings.management.as_ref().filter(|_| !is_open) else {
            return Ok(None);
        };
        let gateway = Gateway::private(system.clone(), Arc::clone(settings));
        open(address, gateway).await.map(Some)
    }

    async fn stop(&self, address: &str) -> Result<()> {
        let listening = {
            let mut open = lock(&self.open);
            let index = open.iter().position(|it| it.address.to_string() == address);
            index.map(|index| open.remove(index))
        };
        match listening {
            Some(listening) => {
                listening.end().await;
                Ok(())
            }
            None => Err(Error::msg(format!("nothing is served at `{address}`"))),
        }
    }

    /// Lets what was added serve from the next request on.
    fn rebuild(&self) -> Result<()> {
        let gateways: Vec<_> = lock(&self.open)
            .iter()
            .map(|it| Arc::clone(&it.gateway))
            .collect();
        let rebuilt = catch_unwind(AssertUnwindSafe(|| {
            gateways.iter().for_each(|gateway| gateway.rebuild());
        }));
        rebuilt.map_err(|panic| Error::msg(panic_text(&*panic)))
    }
}

#[module(
    handles = [StartServer, StopServer, AddRoutes, AddStatic],
    emits = [ServerStarted, ServerStopped, ServerFailed, RoutesAdded, StaticAdded],
    manual
)]
impl Server {
    async fn start_server(&self, start: StartServer, ctx: &Context<Self>) -> Result<String> {
        let started = self.start(&start.address).await;
        let mut address = String::new();
        for started in or_tell(started, StartServer::NAME, ctx).await? {
            address.clone_from(&started.address);
            ctx.publish(started).await?;
        }
        Ok(address)
    }

    async fn stop_server(&self, stop: StopServer, ctx: &Context<Self>) -> Result<()> {
        let stopped = self.stop(&stop.address).await;
        or_tell(stopped, StopServer::NAME, ctx).await?;
        ctx.publish(ServerStopped {
            address: stop.address,
        })
        .await?;
        Ok(())
    }

    async fn add_routes(&self, add: AddRoutes, ctx: &Context<Self>) -> Result<()> {
        let count = self.shared.add_router(add.router);
        or_tell(self.rebuild(), AddRoutes::NAME, ctx).await?;
        ctx.publish(RoutesAdded { count }).await?;
        Ok(())
    }

    async fn add_static(&self, add: AddStatic, ctx: &Context<Self>) -> Result<()> {
        let added = self.add_folder(add.clone());
        or_tell(added, AddStatic::NAME, ctx).await?;
        ctx.publish(StaticAdded { path: add.path }).await?;
        Ok(())
    }

    #[on_start]
    async fn check(&self) -> Result<()> {
        let system = self.running()?;
        self.check_settings(&system)?;
        self.open_keys(&system).await
    }

    #[on_stop]
    async fn end(&self) {
        let open = std::mem::take(&mut *lock(&self.open));
        open.iter().for_each(Listening::close);
        for listening in open {
            listening.end().await;
        }
        self.shared.close_events();
        // Those, too, whose clients were answered before their handlers had ended.
        self.close_keys().await;
    }
}

impl Server {
    fn add_folder(&self, add: AddStatic) -> Result<()> {
        if !add.path.starts_with('/') {
            let text = format!("the path `{}` must begin with `/`", add.path);
            return Err(Error::msg(text));
        }
        if !add.folder.is_dir() {
            let text = format!("`{}` is not a folder", add.folder.display());
            return Err(Error::msg(text));
        }
        self.shared.add_folder(Folder {
            path: add.path,
            folder: add.folder,
            single_page: add.single_page,
        });
        self.rebuild()
    }
}

async fn open(address: &str, gateway: Arc<Gateway>) -> Result<Listening> {
    let listening = Listening::open(address, gateway).await;
    listening.map_err(|error| Error::msg(format!("cannot serve at `{address}`: {error}")))
}

/// Tells of a command that failed.
async fn or_tell<T>(result: Result<T>, command: &'static str, ctx: &Context<Server>) -> Result<T> {
    if let Err(error) = &result {
        ctx.publish(ServerFailed {
            command: command.to_owned(),
            reason: error.to_string(),
        })
        .await?;
    }
    result
}

impl System {
    /// Serves the program over HTTP, with the default settings of [`Server`], until the process gets SIGINT
    /// or SIGTERM or the system is stopped. Then stops the system: requests in progress are finished, and
    /// streams of events end.
    ///
    /// ```no_run
    /// use nether::prelude::*;
    ///
    /// #[query(reply = String, http = "GET /hello/{name}")]
    /// pub struct Hello { pub name: String }
    ///
    /// #[derive(Default)]
    /// pub struct Greeter;
    ///
    /// #[module(handles = Hello)]
    /// impl Greeter {
    ///     async fn hello(&self, hello: Hello) -> String {
    ///         format!("Hello {}!", hello.name)
    ///     }
    /// }
    ///
    /// #[nether::main]
    /// async fn main(system: System) -> nether::Result<()> {
    ///     system.serve("127.0.0.1:8080").await
    /// }
    /// ```
    ///
    /// # Errors
    /// If the address is not one, or is taken; if the system has a server already, or is stopping. The system
    /// goes on. If the stop cut something off, the error says what.
    pub async fn serve(&self, address: impl Into<String>) -> Result<()> {
        Server::new(self).serve(address).await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open: Vec<_> = lock(&self.open).iter().map(|it| it.address).collect();
        f.debug_struct("Server")
            .field("open", &open)
            .finish_non_exhaustive()
    }
}
