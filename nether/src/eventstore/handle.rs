//! [`FollowerHandle`]: what the handles to a projection and to the sagas of a type have in common.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::Result;
use crate::eventstore::backend::Position;
use crate::eventstore::control::{Control, FollowerKind, FollowerOrder};
use crate::eventstore::parked::ParkedEvent;
use crate::eventstore::store::Store;
use crate::sync::lock;

/// The way to the runners of one name, whichever of them runs.
pub(super) struct FollowerHandle<K: FollowerKind> {
    pub(super) store: Store,
    name: &'static str,
    control: Arc<Control<K>>,
}

impl<K: FollowerKind> FollowerHandle<K> {
    /// The handle to the runners of that name, if there was ever one with this store.
    pub(super) fn find(store: &Store, name: &'static str) -> Option<Self> {
        Some(FollowerHandle {
            store: store.clone(),
            name,
            control: store.follower(name)?,
        })
    }

    /// The control of the runner that runs now. It may be another one than when the handle was made.
    pub(super) fn control(&self) -> Arc<Control<K>> {
        let running = || self.store.follower(self.name);
        let running = (!self.control.is_running()).then(running).flatten();
        running.unwrap_or_else(|| Arc::clone(&self.control))
    }

    pub(super) fn position(&self) -> Position {
        self.control().position()
    }

    pub(super) fn parked(&self) -> Vec<ParkedEvent> {
        lock(&self.control().parked).clone()
    }

    /// Waits until every event up to a position is handled, by whichever runner of this process.
    pub(super) async fn wait_for(&self, position: Position) -> Result<()> {
        loop {
            let control = self.control();
            let waited = control.wait_for(position).await;
            // Another system of the process may have taken over.
            if waited.is_ok() || Arc::ptr_eq(&control, &self.control()) {
                return waited;
            }
        }
    }

    /// Orders that the parked events of a key, or of all keys, are handled again.
    pub(super) async fn retry(&self, key: Option<&str>) -> Result<usize> {
        let key = key.map(str::to_owned);
        let retry = |done| FollowerOrder::Retry(key, done);
        self.control().order(retry).await
    }

    /// Orders that the parked event of a key is skipped.
    pub(super) async fn skip(&self, key: &str) -> Result<bool> {
        let key = key.to_owned();
        let skip = |done| FollowerOrder::Skip(key, done);
        self.control().order(skip).await
    }

    /// Gives an order that only this kind takes.
    pub(super) async fn order<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<T>>) -> K::Order,
    ) -> Result<T> {
        let order = |done| FollowerOrder::Own(make(done));
        self.control().order(order).await
    }
}

impl<K: FollowerKind> fmt::Debug for FollowerHandle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowerHandle")
            .field("name", &self.name)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
