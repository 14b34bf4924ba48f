//! [`ServerState`]: what handlers at one address know of it. The router that leads to them is
//! [`Gateway`](crate::http::gateway::Gateway)'s, and not in here: handlers have the state, so it would never
//! be dropped.

use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex};

use axum::Router;
use tokio::sync::watch;

use crate::http::endpoint::EndpointEntry;
use crate::http::feed::Feed;
use crate::http::idempotency::Idempotency;
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

    /// Tells streams of events to end.
    pub(super) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Tells that streams of events are to end.
    pub(super) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }
}
