//! [`Streams`]: the shared streams of a unit of work, and how they end with it.

use std::any::{Any, TypeId, type_name};
use std::collections::HashSet;
use std::ptr::addr_eq;
use std::sync::{Arc, Mutex, Weak};

use crate::channel::{AnyChannel, Channel};
use crate::error::StreamError;
use crate::scope::{Deadline, Scope};
use crate::sync::lock;

/// The shared streams of one unit of work, in the order they were made.
#[derive(Default)]
pub(super) struct Streams(Mutex<Vec<StreamEntry>>);

#[derive(Clone)]
struct StreamEntry {
    /// The type of the items; `None` for an anonymous stream.
    item: Option<TypeId>,
    item_name: &'static str,
    name: Option<Arc<str>>,
    channel: Arc<dyn AnyChannel>,
    /// Deliveries that only wait at this stream: for items, while the unit of work closes; or for a consumer,
    /// while there is none.
    waiting: Vec<StreamWaiter>,
}

/// An exclusive module whose handler waits at a stream: the messages in its mailbox wait too.
pub(crate) trait BlockedMailbox: Send + Sync {
    /// The number of messages of this unit of work that wait there.
    fn behind(&self, scope: &Scope) -> u64;
}

/// A delivery in flight that waits at a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamWaiter {
    /// The address of the context that is lent to the delivery. The deliveries of one event share a number,
    /// but each has a context of its own.
    pub(crate) place: usize,
    /// The number of its message.
    pub(crate) sequence: u64,
    /// The number of the message whose handler waits for the reply, if one does.
    pub(crate) caller: Option<u64>,
    /// Whether it waits for room in a stream that has never had a consumer; otherwise for items.
    pub(crate) for_room: bool,
}

impl Scope {
    /// The stream of that type and name, created on first use.
    pub(crate) fn stream<T: Send + Sync + 'static>(
        &self,
        name: Option<&str>,
        capacity: usize,
    ) -> Arc<Channel<T>> {
        let mut streams = lock(&self.extras_or_new().streams.0);
        let known = streams
            .iter()
            .find(|entry| entry.item == Some(TypeId::of::<T>()) && entry.name.as_deref() == name);
        if let Some(entry) = known {
            let channel: Arc<dyn Any + Send + Sync> = Arc::clone(&entry.channel) as _;
            return channel
                .downcast()
                .expect("streams are found by the type of their items");
        }
        self.add_stream(&mut streams, Some(TypeId::of::<T>()), name, capacity)
    }

    /// An anonymous stream: it is not discoverable by type, so only its creator can hand it out. It ends with
    /// the others.
    pub(crate) fn stream_apart<T: Send + Sync + 'static>(
        &self,
        capacity: usize,
    ) -> Arc<Channel<T>> {
        let mut streams = lock(&self.extras_or_new().streams.0);
        // There may be many, one after the other. An entry that holds the last reference belongs to a stream
        // that is over.
        let is_over = |entry: &mut StreamEntry| {
            entry.item.is_none() && Arc::strong_count(&entry.channel) == 1
        };
        let over: Vec<_> = streams.extract_if(.., is_over).collect();
        let channel = self.add_stream(&mut streams, None, None, capacity);
        drop(streams);
        drop(over); // Dropping items runs user code, which must not happen under the lock.
        channel
    }

    fn add_stream<T: Send + Sync + 'static>(
        &self,
        streams: &mut Vec<StreamEntry>,
        item: Option<TypeId>,
        name: Option<&str>,
        capacity: usize,
    ) -> Arc<Channel<T>> {
        let channel = Arc::new(Channel::<T>::new(capacity));
        // Checked under the lock under which all streams are ended, so that no stream is opened after that.
        if self.is_cancelled() {
            channel.end(Err(StreamError::Cancelled));
        } else if self.has_ended() {
            let is_late = self.deadline().is_some_and(Deadline::has_passed);
            channel.end(if is_late {
                Err(StreamError::DeadlineExceeded)
            } else {
                Ok(())
            });
        }
        streams.push(StreamEntry {
            item,
            item_name: type_name::<T>(),
            name: name.map(Arc::from),
            channel: Arc::clone(&channel) as Arc<dyn AnyChannel>,
            waiting: Vec::new(),
        });
        channel
    }

    /// Whether messages of it may wait at a stream, or behind a message that waits at one.
    pub(crate) fn has_streams(&self) -> bool {
        let extras = self.extras();
        extras.is_some_and(|extras| !lock(&extras.streams.0).is_empty())
    }

    /// Wakes the tasks that sleep at streams, because from now on they have to register that they wait.
    pub(super) fn notify_streams(&self) {
        let Some(extras) = self.extras() else { return };
        let streams = lock(&extras.streams.0).clone();
        streams.iter().for_each(|entry| entry.channel.notify());
    }

    /// Ends all streams that are still open.
    pub(super) fn end_streams(&self, end: impl Fn(&dyn AnyChannel) -> usize) {
        let Some(extras) = self.extras() else { return };
        // Outside of the lock, because dropping items runs user code.
        let open = lock(&extras.streams.0).clone();
        open.iter().for_each(|entry| entry.end(&end));
    }

    /// Registers a delivery that begins to wait at a stream.
    pub(crate) fn begin_waiting(&self, channel: &Arc<dyn AnyChannel>, waiter: StreamWaiter) {
        let Some(extras) = self.extras() else { return };
        if let Some(entry) = find(&mut lock(&extras.streams.0), channel) {
            entry.waiting.push(waiter);
        }
        self.notify_changed();
    }

    /// Removes a delivery that no longer waits.
    pub(crate) fn end_waiting(&self, channel: &Arc<dyn AnyChannel>, waiter: StreamWaiter) {
        let Some(extras) = self.extras() else { return };
        if let Some(entry) = find(&mut lock(&extras.streams.0), channel) {
            let place = entry.waiting.iter().position(|it| *it == waiter);
            place.map(|place| entry.waiting.swap_remove(place));
        }
        self.notify_changed();
    }

    /// Registers a module whose handler waits at a stream.
    pub(crate) fn add_blocked(&self, mailbox: Weak<dyn BlockedMailbox>) {
        lock(&self.extras_or_new().blocked).push(mailbox);
    }

    /// Removes a module whose handler continues.
    pub(crate) fn remove_blocked(&self, mailbox: &Weak<dyn BlockedMailbox>) {
        let Some(extras) = self.extras() else { return };
        lock(&extras.blocked).retain(|it| !addr_eq(it.as_ptr(), mailbox.as_ptr()));
    }

    /// While the unit of work closes: if every delivery in flight is only waiting at streams, ends the oldest
    /// stream without a producer, or whose producers have no reader. Returns whether it ended one.
    ///
    /// This is safe, because a waiting delivery cannot finish without taking this lock, and a message queued
    /// behind it cannot begin. So if the counts of waiting deliveries and of deliveries in flight are equal,
    /// no other delivery is in flight.
    pub(super) fn end_a_stream(&self) -> bool {
        let Some(extras) = self.extras() else {
            return false;
        };
        // Kept alive until after the locks, because dropping a module runs user code.
        let blocked = lock(&extras.blocked).clone();
        let blocked: Vec<Arc<dyn BlockedMailbox>> =
            blocked.iter().filter_map(Weak::upgrade).collect();
        let streams = lock(&extras.streams.0);
        let entry = waited_for_alone(&streams, &blocked, self).cloned();
        drop(streams);
        if let Some(entry) = &entry {
            entry.end(&|channel: &dyn AnyChannel| channel.end_of_unit());
        }
        entry.is_some()
    }
}

/// The stream to end, if every delivery in flight waits at a stream.
fn waited_for_alone<'a>(
    streams: &'a [StreamEntry],
    blocked: &[Arc<dyn BlockedMailbox>],
    scope: &Scope,
) -> Option<&'a StreamEntry> {
    let open = || streams.iter().filter(|entry| !entry.channel.has_ended());
    let places: HashSet<usize> = open()
        .flat_map(StreamEntry::waiting)
        .map(|waiter| waiter.place)
        .collect();
    if places.is_empty() {
        return None;
    }
    let sequences: HashSet<u64> = open()
        .flat_map(StreamEntry::waiting)
        .map(|waiter| waiter.sequence)
        .collect();
    let callers: HashSet<u64> = open()
        .flat_map(StreamEntry::waiting)
        .filter_map(|waiter| waiter.caller)
        .filter(|caller| !sequences.contains(caller))
        .collect();
    let waiting = (places.len() + callers.len()) as u64;
    // Counted last: a message in such a mailbox is in flight, and is not handled meanwhile.
    let behind = blocked
        .iter()
        .map(|mailbox| mailbox.behind(scope))
        .sum::<u64>();
    if waiting + behind != scope.in_flight() {
        return None;
    }
    open().find(|entry| {
        let waits_for_room = |waiter: &StreamWaiter| waiter.for_room;
        match entry.channel.is_produced() {
            true => entry.waiting().any(waits_for_room),
            false => entry.waiting().next().is_some(),
        }
    })
}

impl StreamEntry {
    /// The deliveries that still wait at it.
    fn waiting(&self) -> impl Iterator<Item = &StreamWaiter> {
        // A delivery that was woken, and has not run since, no longer waits.
        let (used, drained) = (self.channel.was_used(), self.channel.is_drained());
        let waits = move |waiter: &&StreamWaiter| if waiter.for_room { !used } else { drained };
        self.waiting.iter().filter(waits)
    }

    fn end(&self, end: &impl Fn(&dyn AnyChannel) -> usize) {
        let lost = end(&*self.channel);
        if lost > 0 {
            tracing::warn!(
                items = lost,
                item = self.item_name,
                stream = self.name.as_deref(),
                "a stream ended with items that nobody takes"
            );
        }
    }
}

fn find<'a>(
    streams: &'a mut [StreamEntry],
    channel: &Arc<dyn AnyChannel>,
) -> Option<&'a mut StreamEntry> {
    streams
        .iter_mut()
        .find(|entry| addr_eq(Arc::as_ptr(&entry.channel), Arc::as_ptr(channel)))
}
