//! [`Control`]: between a projection or saga at work and those who wait for it or give it orders.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{Error, Result};
use crate::eventstore::backend::Position;
use crate::eventstore::parked::ParkedEvent;
use crate::eventstore::saga::SagaStatus;
use crate::sync::lock;

/// What somebody wants of a projection or saga at work.
pub(super) enum Order {
    /// That it reads all events anew.
    Rebuild(oneshot::Sender<Result<()>>),
    /// That it tries what it has parked of a key, or all of it.
    Retry(Option<String>, oneshot::Sender<Result<usize>>),
    /// That a saga sends again those compensations that failed.
    RetryStuck(String, oneshot::Sender<Result<usize>>),
}

/// Where a projection or saga stands, and the way to it.
pub(super) struct Control {
    /// The last position handled; `None` before it has begun.
    pub(super) position: watch::Sender<Option<Position>>,
    /// Whether it has come to where the store was when it began.
    pub(super) is_ready: watch::Sender<bool>,
    pub(super) parked: Mutex<Vec<ParkedEvent>>,
    /// The sagas under way, by key.
    pub(super) sagas: Mutex<BTreeMap<Arc<str>, SagaStatus>>,
    /// How many of them have something to send.
    pub(super) busy: watch::Sender<usize>,
    /// To who carries orders out: replaced when another one does.
    orders: Mutex<mpsc::Sender<Order>>,
}

impl Default for Control {
    fn default() -> Self {
        Control {
            position: watch::Sender::new(None),
            is_ready: watch::Sender::new(false),
            parked: Mutex::default(),
            sagas: Mutex::default(),
            busy: watch::Sender::new(0),
            orders: Mutex::new(mpsc::channel(1).0),
        }
    }
}

impl Control {
    /// The orders from now on, for who carries them out.
    pub(super) fn orders(&self) -> mpsc::Receiver<Order> {
        let (orders, given) = mpsc::channel(16);
        *lock(&self.orders) = orders;
        given
    }

    /// Gives an order, and waits until it is carried out.
    pub(super) async fn order<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<T>>) -> Order,
    ) -> Result<T> {
        let (done, answer) = oneshot::channel();
        let gone = || Error::msg("it is stopping, or has stopped");
        let orders = lock(&self.orders).clone();
        orders.send(make(done)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Waits until the position is handled.
    pub(super) async fn wait_for(&self, position: Position) {
        let mut handled = self.position.subscribe();
        // The sender is in `self`.
        let _ = handled
            .wait_for(|at| at.is_some_and(|at| at >= position))
            .await;
    }

    /// Waits until it has caught up for the first time.
    pub(super) async fn ready(&self) {
        if !*self.is_ready.borrow() {
            let _ = self
                .is_ready
                .subscribe()
                .wait_for(|is_ready| *is_ready)
                .await;
        }
    }
}
