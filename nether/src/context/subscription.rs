//! [`Subscription`]: the events of one context, or of the whole system.

use std::any::Any;
use std::hash::Hash;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::context::event_senders::{EventSenders, KeyPlace};
use crate::mediator::{Erased, Mediator, Row, Subscribers};
use crate::message::{Event, Keyed, MessageTypeId};
use crate::scope::{ContextId, Scope};
use crate::sync::lock;

/// In place of a slot: the events of all types. No type has it.
const ANY: usize = usize::MAX - 1;

/// What stands for the name of an event, for who is behind with events of all types.
const ANY_NAME: &str = "any event";

/// Events of one type, as they are published: those of one context
/// ([`Context::subscribe`](crate::Context::subscribe)) or of the whole system
/// ([`System::subscribe`](crate::System::subscribe)).
///
/// A subscriber never slows a publisher. A subscriber that is more than 1024 events behind misses the oldest
/// of them, and [`missed`](Subscription::missed) returns how many.
///
/// ```
/// use nether::prelude::*;
///
/// #[event]
/// pub struct Ping(u32);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// let ctx = system.context();
/// let mut here = ctx.subscribe::<Ping>();
/// let mut everywhere = system.subscribe::<Ping>();
/// ctx.publish(Ping(1)).await?;
/// system.context().publish(Ping(2)).await?;
/// ctx.close().await?;
/// assert_eq!(here.next().await.map(|ping| ping.0), Some(1));
/// assert!(here.next().await.is_none()); // The context is closed.
/// assert_eq!(everywhere.next().await.map(|ping| ping.0), Some(1));
/// assert_eq!(everywhere.next().await.map(|ping| ping.0), Some(2));
/// assert!(everywhere.try_next().is_none()); // There may be more to come.
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Subscription<E> {
    events: broadcast::Receiver<Arc<E>>,
    /// The place of a subscription to one key; behind `events`, which must be dropped first.
    _place: Option<KeyPlace>,
    /// Where the events come from, until there are no more.
    senders: Weak<EventSenders<E>>,
    missed: u64,
    name: &'static str,
}

/// An event of any type, as [`Context::subscribe_any`](crate::Context::subscribe_any) and
/// [`System::subscribe_any`](crate::System::subscribe_any) give it: for who looks on, such as a log or an
/// audit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnyEvent {
    /// The event's name.
    pub name: &'static str,
    /// The message type ID: the hash of the name.
    pub id: MessageTypeId,
    /// The context it was published in: its correlation id.
    pub context: ContextId,
    /// Its number within its context. `None` for a report of the framework: it is about the context, and not
    /// one of its messages.
    pub sequence: Option<u64>,
    /// The event as JSON, if it can be serialised (it is not `local`).
    pub json: Option<String>,
}

impl<E: Send + Sync + 'static> Subscription<E> {
    fn new(senders: Option<Arc<EventSenders<E>>>, name: &'static str) -> Self {
        let events = senders.as_ref().map(|senders| senders.subscribe());
        Subscription {
            events: events.unwrap_or_else(ended),
            _place: None,
            senders: senders.as_ref().map(Arc::downgrade).unwrap_or_default(),
            missed: 0,
            name,
        }
    }

    /// Narrows the subscription to the events of one key: those whose field named by `#[event(key = ..)]`
    /// equals `key`. Events that were published before and not yet received are discarded;
    /// [`missed`](Subscription::missed) keeps its count. If the context or the system has ended, so has the
    /// subscription.
    ///
    /// A subscriber to one key that is more than 128 events behind misses the oldest of them. Subscribers are
    /// found by key, so that publishing an event costs the same however many keys have subscribers. Filtering
    /// all events instead would cost each subscriber a look at each event.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[event(key = room)]
    /// pub struct Said { pub room: String, pub text: String }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// let mut kitchen = system.subscribe::<Said>().of("kitchen".into());
    /// let ctx = system.context();
    /// ctx.publish(Said { room: "hall".into(), text: "hello".into() }).await?;
    /// ctx.publish(Said { room: "kitchen".into(), text: "tea?".into() }).await?;
    /// let said = kitchen.next().await.expect("it was published");
    /// assert_eq!(said.text, "tea?");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn of(self, key: E::Key) -> Self
    where
        E: Keyed<Key: Hash + Eq + Clone + Send + Sync + 'static>,
    {
        let Subscription {
            senders,
            missed,
            name,
            ..
        } = self;
        let subscribed = senders.upgrade().map(|all| all.subscribe_to(key));
        let (events, place) = subscribed.unzip();
        Subscription {
            events: events.unwrap_or_else(ended),
            _place: place,
            senders,
            missed,
            name,
        }
    }

    /// The next event. `None` once all events were seen and there will be no more: the context was closed, or
    /// the system, if it is the system's subscription, has stopped. Dropping this future loses no event.
    pub async fn next(&mut self) -> Option<Arc<E>> {
        loop {
            match self.events.recv().await {
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(count)) => self.miss(count),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next event, if there is one already; `None` does not say whether there will be more.
    pub fn try_next(&mut self) -> Option<Arc<E>> {
        loop {
            match self.events.try_recv() {
                Ok(event) => return Some(event),
                Err(TryRecvError::Lagged(count)) => self.miss(count),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    /// How many events were missed so far, because the subscriber was too far behind.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    fn miss(&mut self, count: u64) {
        self.missed += count;
        tracing::warn!(
            event = self.name,
            count,
            "subscriber is too slow and missed events"
        );
    }
}

/// What a subscription receives from that has no more events.
fn ended<E>() -> broadcast::Receiver<Arc<E>> {
    broadcast::channel(1).1
}

/// The subscriptions of one context: a sender for each type that has subscribers.
#[derive(Default)]
struct Subscriptions(Mutex<Vec<(usize, Erased)>>);

impl Subscribers for Subscriptions {
    fn end(&self) {
        lock(&self.0).clear();
    }
}

/// Subscribes to the events of one context.
pub(super) fn subscribe<E: Event>(scope: &Scope) -> Subscription<E> {
    Subscription::new(senders_in(scope, E::descriptor().slot()), E::NAME)
}

/// Subscribes to the events of all types of one context.
pub(super) fn subscribe_any(scope: &Scope) -> Subscription<AnyEvent> {
    Subscription::new(senders_in(scope, ANY), ANY_NAME)
}

fn senders_in<E: Send + Sync + 'static>(
    scope: &Scope,
    slot: usize,
) -> Option<Arc<EventSenders<E>>> {
    let subscriptions = of(scope.subscriptions_or(|| Box::new(Subscriptions::default())));
    subscriptions.and_then(|subscriptions| {
        let mut senders = lock(&subscriptions.0);
        // Asked under the lock: the end takes all senders away under it, and later none may be added.
        (!scope.has_ended()).then(|| senders_among::<E>(&mut senders, slot))
    })
}

/// The senders of the type, made if need be.
fn senders_among<E: Send + Sync + 'static>(
    all: &mut Vec<(usize, Erased)>,
    slot: usize,
) -> Arc<EventSenders<E>> {
    if let Some((_, senders)) = all.iter().find(|(of, _)| *of == slot) {
        let senders = Arc::clone(senders).downcast();
        return senders.expect("senders are kept by message type");
    }
    let senders = Arc::new(EventSenders::<E>::new());
    all.push((slot, Arc::clone(&senders) as Erased));
    senders
}

/// The subscribers of the whole system to one type of event. Old routing tables keep it too, so its end is
/// said in it.
struct Everywhere<E>(Mutex<Option<Arc<EventSenders<E>>>>);

impl<E: Send + Sync + 'static> Subscribers for Everywhere<E> {
    fn end(&self) {
        *lock(&self.0) = None;
    }
}

/// Subscribes to the events of every context.
pub(crate) fn subscribe_to_all<E: Event>(mediator: &Mediator) -> Subscription<E> {
    let senders = mediator.routing.change(|table| {
        // Asked in here: the end takes all senders away in the same way, and later none may be added.
        let row = table.row_mut(E::descriptor().slot());
        let row = row.filter(|_| !mediator.stopping.has_ended())?;
        let subscribers = row.subscription.get_or_insert_with(new_everywhere::<E>);
        everywhere::<E>(subscribers)
    });
    Subscription::new(senders, E::NAME)
}

/// Subscribes to the events of all types of every context.
pub(crate) fn subscribe_to_any(mediator: &Mediator) -> Subscription<AnyEvent> {
    // Not changed, but asked in here, for the same reason.
    let senders = mediator.routing.change(|_| {
        if mediator.stopping.has_ended() {
            return None;
        }
        let subscribers = mediator.onlookers.get_or_init(new_everywhere::<AnyEvent>);
        everywhere::<AnyEvent>(subscribers)
    });
    Subscription::new(senders, ANY_NAME)
}

fn new_everywhere<E: Send + Sync + 'static>() -> Arc<dyn Subscribers> {
    Arc::new(Everywhere(Mutex::new(Some(Arc::new(
        EventSenders::<E>::new(),
    )))))
}

/// The senders to the subscribers of the whole system, unless their subscriptions have ended.
fn everywhere<E: Send + Sync + 'static>(
    subscribers: &Arc<dyn Subscribers>,
) -> Option<Arc<EventSenders<E>>> {
    let subscribers: &dyn Any = &**subscribers;
    let subscribers = subscribers.downcast_ref::<Everywhere<E>>()?;
    lock(&subscribers.0).clone()
}

/// Sends the event to its subscribers in this context and in the whole system.
#[inline]
pub(super) fn notify_subscribers<E: Event>(
    scope: &Scope,
    row: &Row,
    event: &Arc<E>,
    sequence: Option<u64>,
) {
    if let Some(subscribers) = &row.subscription {
        notify(everywhere(subscribers).as_deref(), event);
    }
    // The event is serialised only while there is an onlooker.
    if let Some(onlookers) = scope.mediator.onlookers.get()
        && let Some(onlookers) = everywhere::<AnyEvent>(onlookers)
        && onlookers.has_receivers()
    {
        onlookers.send(&any_event(scope, &**event, sequence));
    }
    notify_subscribers_of(scope, event, sequence);
}

/// The event, for who sees events of all types.
#[cold]
fn any_event<E: Event>(scope: &Scope, event: &E, sequence: Option<u64>) -> Arc<AnyEvent> {
    Arc::new(AnyEvent {
        name: E::NAME,
        id: E::ID,
        context: scope.id(),
        sequence,
        json: event.to_json(),
    })
}

/// Sends the event to its subscribers in this context.
#[inline]
pub(super) fn notify_subscribers_of<E: Event>(
    scope: &Scope,
    event: &Arc<E>,
    sequence: Option<u64>,
) {
    let Some(subscriptions) = scope.subscriptions().and_then(of) else {
        return;
    };
    let slot = E::descriptor().slot();
    let all = lock(&subscriptions.0);
    let senders_of = |slot| all.iter().find(|(of, _)| *of == slot);
    let senders = senders_of(slot).map(|(_, senders)| Arc::clone(senders));
    let onlookers = senders_of(ANY).map(|(_, senders)| Arc::clone(senders));
    drop(all);
    notify(senders.as_ref().and_then(|it| it.downcast_ref()), event);
    if let Some(onlookers) = onlookers.and_then(|it| it.downcast::<EventSenders<AnyEvent>>().ok())
        && onlookers.has_receivers()
    {
        onlookers.send(&any_event(scope, &**event, sequence));
    }
}

fn notify<E: Send + Sync + 'static>(senders: Option<&EventSenders<E>>, event: &Arc<E>) {
    if let Some(senders) = senders {
        senders.send(event);
    }
}

fn of(subscriptions: &dyn Subscribers) -> Option<&Subscriptions> {
    let subscriptions: &dyn Any = subscriptions;
    subscriptions.downcast_ref()
}
