//! [`Control`]: connects the runner of a projection or saga with the handles that wait for it or give it
//! orders.
//!
//! Every wait ends when the runner does: the runner holds a [`FollowerSeat`], and everything that ends the
//! runner (a stop, a panic, the end of its runtime) drops the seat.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{Error, Result};
use crate::eventstore::backend::Position;
use crate::eventstore::parked::ParkedEvent;
use crate::module::LeaseStatus;
use crate::sync::lock;

/// How many orders may wait until the runner comes to them.
const ORDERS: usize = 16;

/// What differs between projections and sagas in their orders and in what their runners show.
pub(super) trait FollowerKind: Send + Sync + 'static {
    /// The orders that only this kind takes.
    type Order: Send + 'static;
    /// What only this kind shows.
    type Board: Default + Send + Sync + 'static;

    /// Answers an order with an error.
    fn refuse(order: Self::Order, error: Error);
}

/// An order to a runner, with the channel for its answer.
pub(super) enum FollowerOrder<O> {
    /// Handles again the parked events of a key, or all of them.
    Retry(Option<String>, oneshot::Sender<Result<usize>>),
    /// Skips the parked event of a key.
    Skip(String, oneshot::Sender<Result<bool>>),
    /// An order of one kind of runner.
    Own(O),
}

impl<O> FollowerOrder<O> {
    /// Answers it with an error.
    pub(super) fn refuse<K: FollowerKind<Order = O>>(self, error: Error) {
        match self {
            FollowerOrder::Retry(_, done) => drop(done.send(Err(error))),
            FollowerOrder::Skip(_, done) => drop(done.send(Err(error))),
            FollowerOrder::Own(order) => K::refuse(order, error),
        }
    }
}

/// The progress of a runner.
#[derive(Debug, Clone, Default)]
pub(super) struct FollowerProgress {
    /// Everything up to here is handled or parked; `None` before it has begun.
    pub(super) position: Option<Position>,
    /// Whether it has reached the event that was the newest when it began.
    pub(super) is_ready: bool,
    /// How many sagas have something to send.
    pub(super) busy: usize,
    /// Whether an event is about to be retried. Its position may be before `position`.
    pub(super) is_retrying: bool,
    /// Which process holds the lease; `None` if it needs no lease, or until that is known.
    pub(super) lease: Option<LeaseStatus>,
    /// Why it stands by although no process runs it.
    pub(super) idle: Option<Arc<str>>,
    /// Why the runner is gone, once it is.
    pub(super) gone: Option<GoneReason>,
}

impl FollowerProgress {
    /// Whether it has nothing to do besides waiting for new events.
    pub(super) fn is_idle(&self) -> bool {
        self.busy == 0 && !self.is_retrying
    }
}

/// Why a runner is gone.
#[derive(Debug, Clone)]
pub(super) struct GoneReason {
    text: Arc<str>,
    /// Whether it has failed; otherwise it was stopped.
    pub(super) has_failed: bool,
}

/// The projection or saga does not run here: it has stopped, has failed, stands by for a [newer
/// version](macro@crate::projection#when-it-changes) that no process runs, or, if it was given an order,
/// stands by while another process [runs it](crate::eventstore#several-processes).
///
/// Methods of [`ProjectionHandle`](crate::eventstore::ProjectionHandle) and
/// [`SagaHandle`](crate::eventstore::SagaHandle) return it inside of their [`Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotRunning {
    /// The name of the projection or saga type.
    pub name: String,
    /// Why it does not run.
    pub reason: String,
}

impl fmt::Display for NotRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` does not run: {}", self.name, self.reason)
    }
}

impl std::error::Error for NotRunning {}

/// What a runner shows, and the way by which orders come to it.
pub(super) struct Control<K: FollowerKind> {
    name: &'static str,
    /// Whether it needs a lease to run.
    needs_lease: bool,
    pub(super) progress: watch::Sender<FollowerProgress>,
    pub(super) parked: Mutex<Vec<ParkedEvent>>,
    pub(super) board: K::Board,
    orders: mpsc::Sender<FollowerOrder<K::Order>>,
}

impl<K: FollowerKind> Control<K> {
    /// The position up to which everything is handled or parked.
    pub(super) fn position(&self) -> Position {
        self.progress.borrow().position.unwrap_or_default()
    }

    pub(super) fn is_gone(&self) -> bool {
        self.progress.borrow().gone.is_some()
    }

    /// Which process holds the lease; `None` if it needs no lease, or until that is known.
    pub(super) fn lease(&self) -> Option<LeaseStatus> {
        self.progress.borrow().lease.clone()
    }

    /// Whether the runner runs: it is not gone, and holds the lease if it needs one.
    pub(super) fn is_running(&self) -> bool {
        let progress = self.progress.borrow();
        let leads = progress.lease.as_ref().is_some_and(|lease| lease.is_own);
        progress.gone.is_none() && (leads || !self.needs_lease)
    }

    /// Gives an order, and waits until it is carried out.
    pub(super) async fn order<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<T>>) -> FollowerOrder<K::Order>,
    ) -> Result<T> {
        let (done, answer) = oneshot::channel();
        let given = self.orders.send(make(done)).await;
        given.map_err(|_| self.not_running())?;
        answer.await.map_err(|_| self.not_running())?
    }

    /// Waits until the position is handled.
    pub(super) async fn wait_for(&self, position: Position) -> Result<()> {
        let reached = |it: &FollowerProgress| it.position.is_some_and(|at| at >= position);
        self.until(reached).await
    }

    /// Waits until it has caught up for the first time. One that has failed does not answer any more, not
    /// even from what it has; one that has to stop does.
    pub(super) async fn ready(&self) -> Result<()> {
        let has_failed = {
            let progress = self.progress.borrow();
            let gone = progress.gone.as_ref();
            gone.is_some_and(|gone| gone.has_failed)
        };
        if has_failed {
            return Err(self.not_running());
        }
        self.until(|it| it.is_ready).await
    }

    /// Waits until `is_so` holds for its progress.
    ///
    /// # Errors
    /// [`NotRunning`] if the runner ends before that, or no process runs what it stands by for.
    pub(super) async fn until(&self, is_so: impl Fn(&FollowerProgress) -> bool) -> Result<()> {
        if is_so(&self.progress.borrow()) {
            return Ok(());
        }
        let mut progress = self.progress.subscribe();
        let ended = progress.wait_for(|it| is_so(it) || it.gone.is_some() || it.idle.is_some());
        let ended = ended.await;
        // The sender is in `self`.
        match ended.is_ok_and(|it| is_so(&it)) {
            true => Ok(()),
            false => Err(self.not_running()),
        }
    }

    /// The error that it does not run here, and why.
    pub(super) fn not_running(&self) -> Error {
        let progress = self.progress.borrow();
        let reason = match (&progress.gone, &progress.idle, &progress.lease) {
            (Some(gone), _, _) => gone.text.to_string(),
            (None, Some(idle), _) => idle.to_string(),
            (None, None, Some(lease)) if !lease.is_own => {
                let holder = &lease.holder;
                format!("it stands by here while {holder} runs it; give the order there")
            }
            (None, None, None) if self.needs_lease => {
                "it waits for the event store, to learn which process runs it".to_owned()
            }
            (None, None, _) => STOPPED.to_owned(),
        };
        Error::from(NotRunning {
            name: self.name.to_owned(),
            reason,
        })
    }
}

const STOPPED: &str = "it is stopping, or has stopped";

/// The runners of one name at a store; the newest is the last. The last one is kept when it is gone, so that
/// a handle can say why.
#[derive(Default)]
pub(super) struct FollowerList(Mutex<Vec<Arc<dyn Any + Send + Sync>>>);

impl FollowerList {
    fn add<K: FollowerKind>(&self, control: &Arc<Control<K>>) {
        let mut list = lock(&self.0);
        list.retain(|other| {
            let other = other.downcast_ref::<Control<K>>();
            other.is_some_and(|other| !other.is_gone())
        });
        list.push(Arc::clone(control) as Arc<dyn Any + Send + Sync>);
    }

    fn remove<K: FollowerKind>(&self, control: &Arc<Control<K>>) {
        let address = Arc::as_ptr(control).cast::<()>();
        let mut list = lock(&self.0);
        if list.len() > 1 {
            list.retain(|other| Arc::as_ptr(other).cast::<()>() != address);
        }
    }

    /// The runner that is not gone and does not stand by; if there is none, the newest.
    pub(super) fn running<K: FollowerKind>(&self) -> Option<Arc<Control<K>>> {
        let list = lock(&self.0);
        let mut controls = list
            .iter()
            .rev()
            .filter_map(|it| Arc::clone(it).downcast().ok());
        let running = controls
            .clone()
            .find(|it: &Arc<Control<K>>| it.is_running());
        running.or_else(|| controls.next())
    }
}

/// The place of one runner at a store. Dropping it ends every wait for the runner.
pub(super) struct FollowerSeat<K: FollowerKind> {
    pub(super) control: Arc<Control<K>>,
    pub(super) orders: mpsc::Receiver<FollowerOrder<K::Order>>,
    list: Weak<FollowerList>,
}

impl<K: FollowerKind> FollowerSeat<K> {
    /// Takes a place in the list. Handles find it from now on.
    pub(super) fn take(name: &'static str, needs_lease: bool, list: &Arc<FollowerList>) -> Self {
        let (orders, given) = mpsc::channel(ORDERS);
        let control = Arc::new(Control {
            name,
            needs_lease,
            progress: watch::Sender::default(),
            parked: Mutex::default(),
            board: K::Board::default(),
            orders,
        });
        list.add(&control);
        FollowerSeat {
            control,
            orders: given,
            list: Arc::downgrade(list),
        }
    }

    /// A place that no handle finds.
    pub(super) fn aside(name: &'static str) -> Self {
        Self::take(name, false, &Arc::default())
    }

    /// Notes that the runner ends because of an error.
    pub(super) fn fail(&self, error: &dyn fmt::Display) {
        self.leave(GoneReason {
            text: format!("it has failed: {error}").into(),
            has_failed: true,
        });
    }

    /// Notes why the runner is gone. The first reason counts.
    fn leave(&self, reason: GoneReason) {
        self.control.progress.send_if_modified(|progress| {
            let is_first = progress.gone.is_none();
            progress.gone.get_or_insert(reason);
            is_first
        });
    }
}

impl<K: FollowerKind> Drop for FollowerSeat<K> {
    fn drop(&mut self) {
        self.leave(match std::thread::panicking() {
            true => GoneReason {
                text: "it has panicked".into(),
                has_failed: true,
            },
            false => GoneReason {
                text: STOPPED.into(),
                has_failed: false,
            },
        });
        // After that, so that a handle which looks for another runner does not take this one for running.
        if let Some(list) = self.list.upgrade() {
            list.remove(&self.control);
        }
    }
}
