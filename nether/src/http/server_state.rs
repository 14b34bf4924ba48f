//! [`ServerState`]: what handlers at one address know of it. The router that leads to them is
//! [`Gateway`](crate::http::gateway::Gateway)'s, and not in here: handlers have the state, so it would never
//! be dropped.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use tokio::sync::{Semaphore, watch};

use crate::http::body::BodyMemory;
use crate::http::endpoint::EndpointEntry;
use crate::http::feed::Feed;
use crate::http::idempotency::Idempotency;
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
    /// Set once streams of events are to end; the address's own task sets it, each stream waits for it.
    ending: watch::Sender<bool>,
}

/// What all addresses of a server have in common.
#[derive(Debug, Default)]
pub(super) struct ServerShared {
    pub(super) idempotency: Arc<Idempotency>,
    pub(super) bodies: Arc<BodyMemory>,
    open_files: OnceLock<Arc<Semaphore>>,
    /// The feeds that were opened, with their endpoints.
    feeds: Mutex<Vec<(&'static EndpointEntry, Arc<Feed>)>>,
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

    pub(super) fn add_folder(&self, folder: Folder) {
        lock(&self.added).folders.push(folder);
    }

    /// The routers and folders that were added.
    pub(super) fn added(&self) -> (Vec<Router<System>>, Vec<Folder>) {
        let added = lock(&self.added);
        (added.routers.clone(), added.folders.clone())
    }

    /// The feed of the endpoint, which is opened if it is not yet.
    pub(super) fn feed(
        &self,
        endpoint: &'static EndpointEntry,
        open: impl FnOnce() -> Arc<Feed>,
    ) -> Arc<Feed> {
        let mut feeds = lock(&self.feeds);
        let known = feeds.iter().find(|(of, _)| std::ptr::eq(*of, endpoint));
        if let Some((_, feed)) = known {
            return Arc::clone(feed);
        }
        let feed = open();
        feeds.push((endpoint, Arc::clone(&feed)));
        feed
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
            ending: watch::Sender::new(false),
        })
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
