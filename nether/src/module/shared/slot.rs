//! [`ModuleSlot`]: the place of a shared module, from where its handlers and tasks have it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::Notify;

use crate::guarded::drop_unpanicked;
use crate::module::tally::Crash;
use crate::sync::lock;

/// The place of a shared module. A module that has crashed leaves it; its other handlers run on with it, and
/// it is dropped when the last one has ended.
pub(super) struct ModuleSlot<M> {
    /// `None` while it is being made, and once there will be none.
    module: ArcSwapOption<M>,
    /// Set while no caller waits for the module, which is crash-looping; and for good once there will be
    /// none.
    is_gone: AtomicBool,
    /// Notified when the module is there, and when there will be none.
    made: Notify,
    /// How the module has crashed, until the crash is handled.
    crash: Mutex<Option<Crash>>,
    /// Whether the module goes on as it is when a handler has crashed.
    stays: bool,
}

impl<M> ModuleSlot<M> {
    /// A place without a module.
    pub(super) fn new(stays: bool) -> Self {
        ModuleSlot {
            module: ArcSwapOption::empty(),
            is_gone: AtomicBool::new(false),
            made: Notify::new(),
            crash: Mutex::default(),
            stays,
        }
    }

    /// The module, if it is there, to hold while a handler runs: cheaper than an `Arc` of its own.
    #[inline]
    pub(super) fn load(&self) -> Guard<Option<Arc<M>>> {
        self.module.load()
    }

    /// The module, if it is there, to keep.
    pub(super) fn share(&self) -> Option<Arc<M>> {
        self.module.load_full()
    }

    /// Waits for the module. `None` if there will be none, or not before the next try of one that is
    /// crash-looping.
    pub(super) async fn made(&self) -> Option<Arc<M>> {
        loop {
            let notified = self.made.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if let Some(module) = self.module.load_full() {
                return Some(module);
            }
            if self.is_gone.load(Ordering::SeqCst) {
                return None;
            }
            notified.await;
        }
    }

    /// Waits until there will be no module, and the last one has been removed.
    pub(super) async fn until_gone(&self) {
        loop {
            let notified = self.made.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.is_gone.load(Ordering::SeqCst) && self.module.load().is_none() {
                return;
            }
            notified.await;
        }
    }

    /// The module is there, and has not crashed.
    pub(super) fn put(&self, module: M) {
        lock(&self.crash).take();
        self.module.store(Some(Arc::new(module)));
        self.made.notify_waiters();
    }

    /// Notes how the module has crashed, unless it has crashed before.
    pub(super) fn crash(&self, crash: Crash) {
        lock(&self.crash).get_or_insert(crash);
    }

    /// How the module has crashed, which is forgotten with that.
    pub(super) fn take_crash(&self) -> Option<Crash> {
        lock(&self.crash).take()
    }

    /// Removes a module of which a handler has crashed: who comes next waits for another. Says whether it was
    /// still there.
    pub(super) fn remove(&self, module: &Guard<Option<Arc<M>>>) -> bool {
        if self.stays {
            return false;
        }
        let current = self.module.compare_and_swap(module, None);
        current.as_ref().map(Arc::as_ptr) == module.as_ref().map(Arc::as_ptr)
    }

    /// Removes the module: there will be another.
    pub(super) fn clear(&self) {
        drop_unpanicked(self.module.swap(None));
    }

    /// Removes the last module.
    pub(super) fn take_last(&self) -> Option<Arc<M>> {
        let module = self.module.swap(None);
        self.is_gone.store(true, Ordering::SeqCst);
        module
    }

    /// Notes that a module will be made: callers wait for it again, and are not refused.
    pub(super) fn expect(&self) {
        self.is_gone.store(false, Ordering::SeqCst);
    }

    /// There will be no module any more, or none before its next try: who waits for it is refused.
    pub(super) fn give_up(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
        self.made.notify_waiters();
    }
}
