//! [`ServerState`]: what handlers at one address know of it. The router that leads to them is
//! [`Gateway`](crate::http::gateway::Gateway)'s, and not in here: handlers have the state, so it would never
//! be dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use tokio::sync::{Semaphore, watch};

use crate::http::body::BodyMemory;
use crate::http::endpoint::EndpointEntry;
use crate::http::event_source::EventSource;
use crate::http::keyed::IdempotencyKeys;
use crate::http::limits;
use crate::http::settings::ServerSettings;
use crate::sync::lock;
use crate::system::System;

/// What handlers at one address know of it.
pub(super) struct ServerState {
    /// While it serves, the system lives.
    pub(super) system: System,
    pub(super) settings: Arc<ServerSettings>,
    pub(super) shared: Arc<ServerShared>,
    /// Whether it is for those alone who run the system.
    pub(super) is_private: bool,
    /// The address, once it is open.
    bound: OnceLock<SocketAddr>,
    /// Set once streams of events are to end; the address's own task sets it, each stream waits for it.
    ending: watch::Sender<bool>,
}

/// What all addresses of a server have in common.
#[derive(Default)]
pub(super) struct ServerShared {
    pub(super) keys: Arc<IdempotencyKeys>,
    pub(super) bodies: Arc<BodyMemory>,
    open_files: OnceLock<Arc<Semaphore>>,
    /// Where the events come from, with their endpoints.
    events: Mutex<Vec<(&'static EndpointEntry, EventSource)>>,
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
pub(super) struct Folder {
    pub(super) path: String,
    pub(super) folder: PathBuf,
    pub(super) single_page: bool,
}

impl ServerShared {
    /// Adds routes; how many routers there are now.
    pub(super) fn add_router(&self, router: Router<System>) -> usize {
        let mut added = lock(&self.added);
        added.routers.push(router);
        added.routers.len()
    }

    /// Adds a folder. From now on it is that one, wherever the process goes.
    pub(super) fn add_folder(&self, folder: Folder) {
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
    pub(super) fn added(&self) -> (Vec<Router<System>>, Vec<Folder>) {
        let added = lock(&self.added);
        (added.routers.clone(), added.folders.clone())
    }

    /// Where the events of the endpoint come from; it is opened if it is not yet.
    pub(super) fn events(
        &self,
        endpoint: &'static EndpointEntry,
        open: impl FnOnce() -> EventSource,
    ) -> EventSource {
        let mut events = lock(&self.events);
        let known = events.iter().find(|(of, _)| std::ptr::eq(*of, endpoint));
        if let Some((_, source)) = known {
            return source.clone();
        }
        let source = open();
        events.push((endpoint, source.clone()));
        source
    }

    /// Lets go of what events are read from.
    pub(super) fn close_events(&self) {
        let events = std::mem::take(&mut *lock(&self.events));
        events.iter().for_each(|(_, source)| source.close());
    }
}

impl ServerState {
    pub(super) fn new(
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
    pub(super) fn bind(&self, address: SocketAddr) {
        self.bound.get_or_init(|| address);
    }

    /// Whether only the machine itself reaches the address.
    pub(super) fn is_at_loopback(&self) -> bool {
        let bound = self.bound.get();
        bound.is_some_and(|address| address.ip().to_canonical().is_loopback())
    }

    /// One for each file that may be open to be sent.
    pub(super) fn open_files(&self) -> Arc<Semaphore> {
        let most = || {
            self.settings
                .max_open_files
                .unwrap_or_else(limits::served_files)
        };
        let open = || Arc::new(Semaphore::new(most()));
        Arc::clone(self.shared.open_files.get_or_init(open))
    }

    /// Tells streams of events to end.
    pub(super) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Tells that streams of events are to end.
    pub(super) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }
}
