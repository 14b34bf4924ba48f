//! Which endpoints are served: those whose module is in this process, and runs. A module may be attached and
//! detached while the server runs, and its endpoints come and go with it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::endpoints::entry::{EndpointEntry, EndpointKind, EndpointRegistration};
use crate::sync::lock;
use crate::system::System;

/// The endpoints that are served, by path and method. A stream of events is served by every process: it needs
/// no module.
pub(crate) fn present(system: &System) -> Vec<&'static EndpointEntry> {
    let mut endpoints = declared();
    endpoints.retain(|endpoint| match endpoint.way {
        EndpointKind::Call { .. } => system.handles(endpoint.message()),
        EndpointKind::Feed { .. } => true,
    });
    endpoints
}

/// The endpoints of the program.
pub(crate) fn declared() -> Vec<&'static EndpointEntry> {
    let registered = inventory::iter::<EndpointRegistration>();
    let mut endpoints: Vec<_> = registered.map(|registered| registered.0).collect();
    endpoints.sort_by_key(|endpoint| (endpoint.place().1, endpoint.method()));
    endpoints
}

/// Tells of the endpoints of the program that are not served, since a forgotten module is hard to find.
pub(crate) fn log_absent(system: &System) {
    let served = present(system);
    let is_served = |absent: &&EndpointEntry| served.iter().any(|it| std::ptr::eq(*it, *absent));
    for absent in declared().into_iter().filter(|it| !is_served(it)) {
        let ((verb, path), message) = (absent.place(), absent.message().name());
        tracing::info!(
            message,
            "`{verb} {path}` is not served: no module of this process handles it"
        );
    }
}

/// Which endpoints were present at a time.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// What the system's own number was then.
    version: AtomicU64,
    names: Mutex<Vec<&'static str>>,
}

impl Presence {
    /// Notes those of now.
    pub(crate) fn note(&self, system: &System) {
        let version = system.routes_version();
        *lock(&self.names) = names(system);
        self.version.store(version, Ordering::Release);
    }

    /// Whether something happened since: it costs a load to ask.
    #[inline]
    pub(crate) fn may_have_changed(&self, system: &System) -> bool {
        self.version.load(Ordering::Acquire) != system.routes_version()
    }

    /// Whether others are present now. While the system stops, those that were there stay: what they are
    /// asked for then is refused.
    pub(crate) fn has_changed(&self, system: &System) -> bool {
        let version = system.routes_version();
        let is_other = *lock(&self.names) != names(system) && !system.is_stopping();
        if !is_other {
            self.version.store(version, Ordering::Release);
        }
        is_other
    }
}

fn names(system: &System) -> Vec<&'static str> {
    let present = present(system).into_iter();
    present.map(|endpoint| endpoint.message().name()).collect()
}
