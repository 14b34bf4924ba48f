//! [`ServerState`]: what handlers at one address know of it. The router that leads to them is
//! [`Gateway`](crate::http::gateway::Gateway)'s, and not in here: handlers have the state, so it would never
//! be dropped.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use tokio::sync::watch;

use crate::http::connections::body::BodyMemory;
use crate::http::connections::limits;
use crate::http::events::source::EventSource;
use crate::http::files::places::FilePlaces;
use crate::http::idempotency::keyed::IdempotencyKeys;
use crate::http::server::settings::ServerSettings;
use crate::message::MessageDescriptor;
use crate::sync::lock;
use crate::system::System;

/// What handlers at one address know of it.
pub(crate) struct ServerState {
    /// While it serves, the system lives.
    pub(crate) system: System,
    pub(crate) settings: Arc<ServerSettings>,
    pub(crate) shared: Arc<ServerShared>,
    /// Whether it is for those alone who run the system.
    pub(crate) is_private: bool,
    /// The address, once it is open.
    bound: OnceLock<SocketAddr>,
    /// Set once streams of events are to end; the address's own task sets it, each stream waits for it.
    ending: watch::Sender<bool>,
}

/// What all addresses of a server have in common.
#[derive(Default)]
pub(crate) struct ServerShared {
    pub(crate) keys: Arc<IdempotencyKeys>,
    pub(crate) bodies: Arc<BodyMemory>,
    open_files: OnceLock<Arc<FilePlaces>>,
    /// Where the events of each type come from, by the type's slot.
    events: Mutex<HashMap<usize, EventSource>>,
    added: Mutex<Added>,
}

/// What was added at run time, the oldest first.
#[derive(Debug, Default)]
struct Added {
    routers: Vec<Router<System>>,
    folders: Vec<Folder>,
}

/// A folder of files.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) path: String,
    pub(crate) folder: PathBuf,
    pub(crate) single_page: bool,
}

impl ServerShared {
    /// Adds routes; how many routers there are now.
    pub(crate) fn add_router(&self, router: Router<System>) -> usize {
        let mut added = lock(&self.added);
        added.routers.push(router);
        added.routers.len()
    }

    /// Adds a folder. From now on it is that one, wherever the process goes.
    pub(crate) fn add_folder(&self, folder: Folder) {
        let spelled = if folder.folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &folder.folder
        };
        let path = folder.path.trim_start_matches('/');
        let folder = Folder {
            path: format!("/{path}"),
            folder: absolute(spelled).unwrap_or_else(|_| spelled.to_owned()),
            ..folder
        };
        if !folder.folder.is_dir() {
            let (path, folder) = (&folder.path, folder.folder.display());
            tracing::warn!(path, %folder, "there is no such folder to serve files from");
        }
        lock(&self.added).folders.push(folder);
    }

    /// The routers and folders that were added.
    pub(crate) fn added(&self) -> (Vec<Router<System>>, Vec<Folder>) {
        let added = lock(&self.added);
        (added.routers.clone(), added.folders.clone())
    }

    /// Where the events of a type come from; it is opened if it is not yet.
    pub(crate) fn events(
        &self,
        event: &MessageDescriptor,
        open: impl FnOnce() -> EventSource,
    ) -> EventSource {
        let mut events = lock(&self.events);
        events.entry(event.slot()).or_insert_with(open).clone()
    }

    /// Lets go of what events are read from.
    pub(crate) fn close_events(&self) {
        let events = std::mem::take(&mut *lock(&self.events));
        events.values().for_each(EventSource::close);
    }
}

impl ServerState {
    pub(crate) fn new(
        system: System,
        settings: Arc<ServerSettings>,
        shared: Arc<ServerShared>,
        is_private: bool,
    ) -> Arc<Self> {
        Arc::new(ServerState {
            system,
            settings,
            shared,
            is_private,
            bound: OnceLock::new(),
            ending: watch::Sender::new(false),
        })
    }

    /// Notes the address, which was opened.
    pub(crate) fn bind(&self, address: SocketAddr) {
        self.bound.get_or_init(|| address);
    }

    /// Whether only the machine itself reaches the address.
    pub(crate) fn is_at_loopback(&self) -> bool {
        let bound = self.bound.get();
        bound.is_some_and(|address| address.ip().to_canonical().is_loopback())
    }

    /// The files that may be open to be sent.
    pub(crate) fn open_files(&self) -> Arc<FilePlaces> {
        let most = || {
            self.settings
                .max_open_files
                .unwrap_or_else(limits::served_files)
        };
        let open = || Arc::new(FilePlaces::new(most()));
        Arc::clone(self.shared.open_files.get_or_init(open))
    }

    /// Tells streams of events to end.
    pub(crate) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Tells that streams of events are to end.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }
}
