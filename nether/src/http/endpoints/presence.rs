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

/// Which endpoints the routes were made for.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// The version of the system's routes then.
    version: AtomicU64,
    names: Mutex<Vec<&'static str>>,
}

/// Which endpoints are present, and the version of the system's routes that shows them.
#[derive(Debug)]
pub(crate) struct PresentEndpoints {
    version: u64,
    names: Vec<&'static str>,
}

impl PresentEndpoints {
    pub(crate) fn now(system: &System) -> Self {
        // Before the endpoints: one that comes in between has a later version, and is looked for again.
        let version = system.routes_version();
        let present = present(system).into_iter();
        let names = present.map(|endpoint| endpoint.message().name()).collect();
        PresentEndpoints { version, names }
    }
}

impl Presence {
    /// Notes for which endpoints the routes are made. To be called after requests can find these routes: a
    /// request that finds its version here does not look again.
    pub(crate) fn note(&self, seen: PresentEndpoints) {
        *lock(&self.names) = seen.names;
        self.version.store(seen.version, Ordering::Release);
    }

    /// Whether a module came or went since: it costs a load to ask.
    #[inline]
    pub(crate) fn may_have_changed(&self, system: &System) -> bool {
        self.version.load(Ordering::Acquire) != system.routes_version()
    }

    /// Whether the routes are made for other endpoints than these.
    pub(crate) fn differs_from(&self, seen: &PresentEndpoints) -> bool {
        *lock(&self.names) != seen.names
    }
}
