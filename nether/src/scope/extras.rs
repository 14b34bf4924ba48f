//! [`Extras`]: what a unit of work has besides messages. Only there once somebody uses any of it.

use std::any::Any;
use std::sync::{Mutex, OnceLock, Weak};

use crate::scope::family::Children;
use crate::scope::streams::{Line, Streams};
use crate::scope::transaction::Enlisted;
use crate::scope::{Scope, ScopeKind};

/// What a unit of work has besides messages.
#[derive(Default)]
pub(super) struct Extras {
    /// The subscriptions of this context, of a type known a layer above.
    subscriptions: OnceLock<Box<dyn Any + Send + Sync>>,
    pub(super) streams: Streams,
    /// The exclusive modules that are held up by a handler of this unit of work that waits.
    pub(super) lines: Mutex<Vec<Weak<dyn Line>>>,
    pub(super) enlisted: Enlisted,
    /// Units of work that were opened within this one.
    pub(super) children: Mutex<Children>,
    /// The first handler that failed: what was enlisted must not be committed, whoever was told.
    spoiled: OnceLock<Spoiled>,
}

/// The handler because of which nothing is committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spoiled {
    pub(crate) message: &'static str,
    pub(crate) module: &'static str,
}

impl Scope {
    #[inline]
    pub(super) fn extras(&self) -> Option<&Extras> {
        self.extras.get().map(Box::as_ref)
    }

    pub(super) fn extras_or_new(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }

    /// What the layer above keeps here for subscriptions, if anybody subscribed.
    #[inline]
    pub(crate) fn subscriptions(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.extras()?.subscriptions.get().map(Box::as_ref)
    }

    /// The same, made if need be.
    pub(crate) fn subscriptions_or(
        &self,
        make: fn() -> Box<dyn Any + Send + Sync>,
    ) -> &(dyn Any + Send + Sync) {
        let subscriptions = &self.extras_or_new().subscriptions;
        subscriptions.get_or_init(make).as_ref()
    }

    /// A handler that may have changed something failed.
    #[cold]
    pub(crate) fn spoil(&self, message: &'static str, module: &'static str) {
        if self.kind == ScopeKind::Standing {
            return;
        }
        let spoiled = &self.extras_or_new().spoiled;
        spoiled.get_or_init(|| Spoiled { message, module });
    }

    pub(crate) fn spoiled(&self) -> Option<Spoiled> {
        self.extras()?.spoiled.get().copied()
    }
}
