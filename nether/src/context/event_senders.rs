//! [`EventSenders`]: who gets the events of one type: the subscribers to all of them, and those to the events
//! of one key.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use tokio::sync::broadcast::{Receiver, Sender};

use crate::guarded::catch_now;
use crate::message::Keyed;
use crate::sync::lock;

/// How many events a subscription holds for a subscriber that is behind; beyond that it misses the oldest.
const CAPACITY: usize = 1024;

/// How many events a subscription to one key holds. The room is reserved for each key that has subscribers: 4
/// KiB.
const CAPACITY_OF_KEY: usize = 128;

/// The subscribers to one type of event.
pub(super) struct EventSenders<E> {
    all: Sender<Arc<E>>,
    /// Made by the first subscriber to one key: a [`SendersByKey`], of a type that only such subscribers
    /// name.
    by_key: OnceLock<Box<dyn KeyedReceivers<E>>>,
}

/// The subscribers to single keys of one type of event.
trait KeyedReceivers<E>: Any + Send + Sync {
    /// Sends the event to the subscribers to its key.
    fn send(&self, event: &Arc<E>);

    /// Whether a key has subscribers.
    fn has_receivers(&self) -> bool;
}

/// A sender for each key that has a subscriber: an event costs one look-up, however many keys there are.
struct SendersByKey<E: Keyed>(Mutex<HashMap<E::Key, Sender<Arc<E>>>>);

impl<E: Send + Sync + 'static> EventSenders<E> {
    pub(super) fn new() -> Self {
        EventSenders {
            all: Sender::new(CAPACITY),
            by_key: OnceLock::new(),
        }
    }

    /// Subscribes to all events.
    pub(super) fn subscribe(&self) -> Receiver<Arc<E>> {
        self.all.subscribe()
    }

    /// Subscribes to the events of one key. The place must be dropped after the receiver.
    pub(super) fn subscribe_to(self: &Arc<Self>, key: E::Key) -> (Receiver<Arc<E>>, KeyPlace)
    where
        E: Keyed<Key: Hash + Eq + Clone + Send + Sync + 'static>,
    {
        let make = || Box::new(SendersByKey::<E>(Mutex::default())) as Box<dyn KeyedReceivers<E>>;
        self.by_key.get_or_init(make);
        let place = KeyPlace(Some(Box::new({
            let (senders, key) = (Arc::downgrade(self), key.clone());
            move || leave(&senders, &key)
        })));
        let index = self.index().expect("it was made for keys of this type");
        let mut senders = lock(&index.0);
        let sender = senders
            .entry(key)
            .or_insert_with(|| Sender::new(CAPACITY_OF_KEY));
        (sender.subscribe(), place)
    }

    /// Sends the event to its subscribers. A subscriber that is behind loses its oldest event here, whose
    /// `Drop` is the user's and may panic, as may the `Hash` and `Eq` of a key. A panic concerns no one else.
    pub(super) fn send(&self, event: &Arc<E>) {
        // An error means that every subscriber is gone.
        let _ = catch_now(&mut || {
            let _ = self.all.send(Arc::clone(event));
        });
        if let Some(by_key) = self.by_key.get() {
            let _ = catch_now(&mut || by_key.send(event));
        }
    }

    pub(super) fn has_receivers(&self) -> bool {
        self.all.receiver_count() > 0 || self.by_key.get().is_some_and(|it| it.has_receivers())
    }

    fn index(&self) -> Option<&SendersByKey<E>>
    where
        E: Keyed<Key: Hash + Eq + Send + Sync + 'static>,
    {
        let by_key: &dyn Any = &**self.by_key.get()?;
        by_key.downcast_ref()
    }
}

impl<E> KeyedReceivers<E> for SendersByKey<E>
where
    E: Keyed<Key: Hash + Eq + Send + Sync + 'static> + Send + Sync + 'static,
{
    fn send(&self, event: &Arc<E>) {
        // Sent after the lock is open: the oldest event may be dropped here, and its `Drop` is the user's.
        let sender = lock(&self.0).get(event.key()).cloned();
        if let Some(sender) = sender {
            let _ = sender.send(Arc::clone(event));
        }
    }

    fn has_receivers(&self) -> bool {
        !lock(&self.0).is_empty()
    }
}

/// The place of a subscriber among those to one key. Dropped after the receiver, it removes the sender of a
/// key that has no subscribers any more.
pub(super) struct KeyPlace(Option<Box<dyn FnOnce() + Send + Sync>>);

fn leave<E>(senders: &Weak<EventSenders<E>>, key: &E::Key)
where
    E: Keyed<Key: Hash + Eq + Send + Sync + 'static> + Send + Sync + 'static,
{
    let Some(senders) = senders.upgrade() else {
        return;
    };
    let Some(index) = senders.index() else { return };
    let unused = {
        let mut senders = lock(&index.0);
        let is_unused = |sender: &Sender<Arc<E>>| sender.receiver_count() == 0;
        match senders.get(key).is_some_and(is_unused) {
            true => senders.remove_entry(key),
            false => None,
        }
    };
    drop(unused);
}

impl Drop for KeyPlace {
    fn drop(&mut self) {
        // The `Hash`, `Eq` and `Drop` of a key are the user's.
        let mut leave = self.0.take();
        let _ = catch_now(&mut || {
            if let Some(leave) = leave.take() {
                leave();
            }
        });
    }
}

impl fmt::Debug for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPlace")
    }
}
