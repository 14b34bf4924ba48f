//! [`ServerState`]: what handlers at one address know of it. The router that leads to them is
//! [`Gateway`](crate::http::gateway::Gateway)'s, and not in here: handlers have the state, so it would never
//! be dropped.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use tokio::sync::watch;

use crate::http::endpoint::EndpointEntry;
use crate::http::feed::Feed;
use crate::http::keyed::IdempotencyKeys;
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
#[derive(Debug, Default)]
pub(super) struct ServerShared {
    pub(super) keys: Arc<IdempotencyKeys>,
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

    /// Tells streams of events to end.
    pub(super) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Tells that streams of events are to end.
    pub(super) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }
}
