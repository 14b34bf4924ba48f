//! The wait-for graph: who waits for whom. An exclusive module that waits for the reply of another handles
//! nothing meanwhile, so a circle of them would wait for ever: a deadlock, found in the graph (R. C. Holt,
//! "Some deadlock properties of computer systems", 1972) by the call that closes it.
//!
//! The graph is in `graph`; here is who is in it: a module in whose task a call is made. A delivery that runs
//! in a task of its own is in it too, once it waits: no caller waits for its reply there, but a `close` of
//! its unit of work waits for its end. So is the line of a key, while a message waits in it: it waits for the
//! message that has the turn.

mod closing;
mod elsewhere;
mod graph;
mod inner;
mod module_wait;
mod node;
mod places;
mod polled;
mod turns;

pub(crate) use self::closing::until_deadlock;
pub(crate) use self::inner::innermost;
pub(crate) use self::module_wait::{ModuleWait, until_made};
pub(crate) use self::node::KeyText;
pub(crate) use self::places::{InPlaceQueue, PlaceQueue};
pub(crate) use self::turns::{TurnHolder, TurnLine, TurnWait, thread_mark};

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::{Deadlock, WaitEdge};
use crate::scope::{HeldMailbox, Scope, WaitElsewhere, WaiterLookup, last_roll};
use crate::sync::{Mutex, lock};
use crate::waiting::elsewhere::EndWait;
use crate::waiting::inner::{InnerDelivery, is_of};
use crate::waiting::node::{Node, Wait};

/// Marks the numbers of deliveries that run in tasks of their own; alone, one that has waited for nothing
/// yet.
const DELIVERY: u64 = 1 << 63;

thread_local! {
    /// The number of the waiter whose task is being polled, or 0. An exclusive module waits for everything
    /// that its handlers await, directly or through shared modules that run in its task, but not for the
    /// tasks that they spawn. It is a plain number because every turn of a module sets it: a value that has
    /// to be dropped (a `tokio::task_local` too) costs twenty times as much.
    static THIS: Cell<u64> = const { Cell::new(0) };

    /// What the delivery is called that is being polled, if `THIS` says that one is.
    static DELIVERY_NAME: Cell<Option<&'static Declaration>> = const { Cell::new(None) };

    /// The waiter of that delivery, if it was made in this poll.
    static MADE: RefCell<Option<Arc<Waiter>>> = const { RefCell::new(None) };
}

/// The waiters of the process, by their numbers, in several parts to avoid contention. Only calls from inside
/// a module or delivery look here.
static WAITERS: [Mutex<BTreeMap<u64, Weak<Waiter>>>; 16] =
    [const { Mutex::new(BTreeMap::new()) }; 16];

/// The part that holds a number.
fn part(number: u64) -> &'static Mutex<BTreeMap<u64, Weak<Waiter>>> {
    &WAITERS[number as usize % WAITERS.len()]
}

/// A node of the wait-for graph that can wait for others: an exclusive module in its handlers, a shared one
/// while it starts, a delivery that runs in a task of its own, the line of a key.
#[derive(Debug)]
pub(crate) struct Waiter {
    number: u64,
    node: Arc<Node>,
    mailbox: OnceLock<Weak<dyn HeldMailbox>>,
    /// What waits for places of a shared module.
    place_queue: OnceLock<Arc<PlaceQueue>>,
    /// The unit of work of a delivery.
    unit: OnceLock<Weak<Scope>>,
    /// The units of work that it closes.
    ends: Mutex<Vec<Arc<EndWait>>>,
}

impl Waiter {
    pub(crate) fn new(module: &'static Declaration) -> Arc<Self> {
        Waiter::numbered(module, None, next_number())
    }

    /// The line of a key.
    fn of_line(module: &'static Declaration, key: Weak<dyn KeyText>) -> Arc<Self> {
        Waiter::numbered(module, Some(key), next_number())
    }

    fn of_delivery(name: &'static Declaration) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(DELIVERY + 1);
        Waiter::numbered(name, None, NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn numbered(
        name: &'static Declaration,
        key: Option<Weak<dyn KeyText>>,
        number: u64,
    ) -> Arc<Self> {
        let waiter = Arc::new(Waiter {
            number,
            node: Node::new(name, key, number),
            mailbox: OnceLock::new(),
            place_queue: OnceLock::new(),
            unit: OnceLock::new(),
            ends: Mutex::default(),
        });
        lock(part(number)).insert(number, Arc::downgrade(&waiter));
        waiter
    }

    /// Says where its messages lie.
    pub(crate) fn set_mailbox(&self, mailbox: Weak<dyn HeldMailbox>) {
        self.mailbox.get_or_init(|| mailbox);
    }

    /// The lower half of the number of a module, for places without room for more. Two modules share it only
    /// if 2^32 others were made between them.
    pub(crate) fn short_number(&self) -> u32 {
        self.number as u32
    }

    /// Whether the current task is this module's, or the module waits for that one.
    pub(crate) fn waits_for_current(&self) -> bool {
        let current = THIS.get();
        current != 0 && (current == self.number || self.node.reaches(current))
    }

    /// Its number. No two waiters of a process have the same; none has 0.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What the module waits for.
    pub(crate) fn waits(&self) -> Vec<WaitEdge> {
        self.node.waits()
    }

    /// Called when a handler of the module was polled, and is not done.
    #[inline]
    pub(crate) fn look_again(&self) {
        self.node.look_again(2);
    }

    /// Whether it keeps the unit of work that has this address from its end: it handles or has a message of
    /// it, or waits for something in it, or one waits for a place in it.
    fn holds(&self, unit: usize) -> bool {
        let mailbox = self.mailbox.get().and_then(Weak::upgrade);
        let delivered = self.unit.get().and_then(Weak::upgrade);
        mailbox.is_some_and(|mailbox| mailbox.holds(unit))
            || delivered.is_some_and(|scope| scope.is_within(unit))
            || self.node.waits_within(unit)
            || self.place_queue.get().is_some_and(|queue| queue.has(unit))
    }
}

/// A number for a waiter that is no delivery.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Drop for Waiter {
    fn drop(&mut self) {
        lock(part(self.number)).remove(&self.number);
        self.node.forget();
    }
}

/// All waiters of the process, in parts.
fn all() -> impl Iterator<Item = Arc<Waiter>> {
    WAITERS.iter().flat_map(|part| {
        // Dropped outside the lock: the last handle to a waiter takes it.
        let waiters: Vec<_> = lock(part).values().filter_map(Weak::upgrade).collect();
        waiters
    })
}

/// Returns the waiters that keep a unit of work from its end.
fn holders(unit: usize) -> Vec<Arc<Waiter>> {
    all().filter(|waiter| waiter.holds(unit)).collect()
}

/// The nodes of those who keep a unit of work from its end.
fn holding_nodes(unit: usize) -> Vec<Arc<Node>> {
    let holders = holders(unit).into_iter();
    holders.map(|holder| Arc::clone(&holder.node)).collect()
}

/// What closing asks.
pub(crate) static LOOKUP: WaiterLookup = WaiterLookup {
    is_inside,
    wake_elsewhere: |unit| {
        let holders = holders(unit).into_iter();
        let waits = holders.flat_map(|holder| holder.waits_elsewhere(unit, |_| true));
        waits.for_each(|wait| wait.wake());
    },
    modules_ahead: elsewhere::modules_ahead,
};

/// Guard that marks whose task is being polled; restores the previous mark when dropped.
struct Entered(u64);

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        THIS.set(self.0);
    }
}

/// Guard that marks a delivery as being polled; removes the mark when dropped.
#[must_use]
pub(crate) struct DeliveryPoll {
    /// The number that stands for it, or 0 if it waits on behalf of another.
    number: u64,
}

impl Drop for DeliveryPoll {
    #[inline]
    fn drop(&mut self) {
        if self.number != 0 {
            THIS.set(0);
        } else {
            inner::end_poll();
        }
    }
}

/// The waiter of a delivery, once it has waited for something in a task of its own.
#[derive(Default)]
pub(crate) struct DeliveryWaiter(Option<Arc<Waiter>>);

impl DeliveryWaiter {
    /// What the delivery does is polled from now on, until [`end_poll`](DeliveryWaiter::end_poll). In the
    /// task of a module or of another delivery, it waits on behalf of that one.
    #[inline]
    pub(crate) fn begin_poll(&self, name: &'static Declaration, scope: &Scope) -> DeliveryPoll {
        if THIS.get() != 0 {
            inner::begin_poll(InnerDelivery {
                address: self.address(),
                unit: scope.address(),
            });
            return DeliveryPoll { number: 0 };
        }
        let number = self.number().unwrap_or(DELIVERY);
        THIS.set(number);
        DELIVERY_NAME.set(Some(name));
        DeliveryPoll { number }
    }

    /// The number of the waiter, once there is one.
    fn number(&self) -> Option<u64> {
        self.0.as_ref().map(|waiter| waiter.number)
    }

    /// The address that distinguishes it from others while its delivery is polled, and so does not move.
    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    #[inline]
    pub(crate) fn end_poll(&mut self, poll: DeliveryPoll, scope: &Arc<Scope>) {
        if poll.number != 0 && THIS.get() != poll.number {
            self.keep(scope);
        }
    }

    /// What the delivery waits for that its own unit of work, which has this address, does not know of.
    #[cold]
    pub(crate) fn waits_elsewhere(&self, unit: usize) -> Vec<Arc<dyn WaitElsewhere>> {
        match &self.0 {
            Some(waiter) => waiter.waits_elsewhere(unit, |waiting| is_of(waiting, None, unit)),
            None => waits_of_current(unit, Some(self.address())),
        }
    }

    #[cold]
    fn keep(&mut self, scope: &Arc<Scope>) {
        self.0 = MADE.take();
        if let Some(waiter) = &self.0 {
            waiter.unit.get_or_init(|| Arc::downgrade(scope));
        }
    }
}

/// Runs the task of the exclusive module that has this number; 0 for one of another kind.
pub(crate) async fn run<T>(module: u64, task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    poll_fn(|cx| {
        let _entered = Entered(THIS.replace(module));
        task.as_mut().poll(cx)
    })
    .await
}

/// The number of the waiter whose task is being polled; 0 if there is none.
#[inline]
pub(crate) fn current() -> u64 {
    THIS.get()
}

/// The [short number](Waiter::short_number) of the exclusive module whose task is being polled; 0 if there is
/// none.
#[inline]
pub(crate) fn current_short() -> u32 {
    if is_in_module() { THIS.get() as u32 } else { 0 }
}

/// Whether the task of an exclusive module is being polled.
#[inline]
pub(crate) fn is_in_module() -> bool {
    !matches!(THIS.get(), 0 | DELIVERY..)
}

/// Whether the task of a handler or task is being polled that has waited before, and is of the unit of work
/// that has this address.
#[cold]
fn is_inside(unit: usize) -> bool {
    let handles = |waiter: &Waiter| {
        let mailbox = waiter.mailbox.get().and_then(Weak::upgrade);
        let delivered = waiter.unit.get().and_then(Weak::upgrade);
        mailbox.is_some_and(|mailbox| mailbox.handles(unit))
            || delivered.is_some_and(|scope| scope.address() == unit)
    };
    of(THIS.get()).is_some_and(|waiter| handles(&waiter))
}

/// What the module whose task is being polled waits for in its handler that the unit of work that has this
/// address does not know of.
#[cold]
pub(crate) fn waits_elsewhere(unit: usize) -> Vec<Arc<dyn WaitElsewhere>> {
    waits_of_current(unit, None)
}

/// The waits that the unit of work does not know of, of the delivery that has this address, in the task that
/// is being polled.
fn waits_of_current(unit: usize, delivery: Option<usize>) -> Vec<Arc<dyn WaitElsewhere>> {
    let waits = |waiter: Arc<Waiter>| {
        waiter.waits_elsewhere(unit, |waiting| is_of(waiting, delivery, unit))
    };
    of(THIS.get()).map_or_else(Vec::new, waits)
}

/// Does something as if outside of all modules.
pub(crate) fn outside<T>(act: impl FnOnce() -> T) -> T {
    let _hidden = inner::hide();
    let _entered = Entered(THIS.replace(0));
    act()
}

/// Registers a wait for the reply to a message of a unit of work, by the node in whose task this runs, if
/// that is in the graph. The wait ends when the reply arrives or is no longer expected. `reply` says too
/// whether the unit of work knows of the wait.
///
/// # Errors
/// If it would wait for ever.
#[inline]
pub(crate) fn wait(
    message: &'static str,
    scope: &Scope,
    handler: &Arc<Waiter>,
    reply: impl FnOnce() -> (Arc<dyn ExpectedReply>, bool),
) -> Result<(), Deadlock> {
    match THIS.get() {
        0 => Ok(()),
        _ => wait_inside(message, scope, handler, reply()),
    }
}

#[cold]
fn wait_inside(
    message: &'static str,
    scope: &Scope,
    handler: &Arc<Waiter>,
    (reply, is_known): (Arc<dyn ExpectedReply>, bool),
) -> Result<(), Deadlock> {
    let Some(this) = this() else {
        return Ok(());
    };
    this.node.add(Wait {
        message,
        handler: Arc::clone(&handler.node),
        reply,
        unit: scope.address(),
        parents: scope.parents(),
        is_known,
        began: last_roll(),
        inner: inner::current(),
    })
}

/// The reply at this address was waited for in the task of the waiter of this number, and now is in the
/// current one: from there, a command runs on whose caller gave up. What the former waits for besides may
/// never end.
#[cold]
pub(crate) fn reply_went_elsewhere(number: u64, reply: usize) {
    let Some(former) = of(number) else { return };
    let wait = former.node.wait_for_reply(reply);
    if let (Some(wait), Some(this)) = (wait, this()) {
        this.node.take_over(Wait {
            began: last_roll(),
            inner: inner::current(),
            ..wait
        });
    }
    former.node.look_again(1);
}

/// The waiter whose task is being polled. A delivery gets one here.
fn this() -> Option<Arc<Waiter>> {
    match THIS.get() {
        DELIVERY => {
            let waiter = Waiter::of_delivery(DELIVERY_NAME.get()?);
            THIS.set(waiter.number);
            MADE.set(Some(Arc::clone(&waiter)));
            Some(waiter)
        }
        number => of(number),
    }
}

/// The waiter of this number.
fn of(number: u64) -> Option<Arc<Waiter>> {
    lock(part(number)).get(&number).and_then(Weak::upgrade)
}
