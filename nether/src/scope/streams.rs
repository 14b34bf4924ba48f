//! [`Streams`]: the shared streams of a unit of work, and when they end with it.

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
pub(super) struct Streams(Mutex<Vec<Entry>>);

#[derive(Clone)]
struct Entry {
    /// `None` if it is not to be found.
    item: Option<TypeId>,
    item_name: &'static str,
    name: Option<Arc<str>>,
    channel: Arc<dyn AnyChannel>,
    /// Deliveries that do nothing but wait: for its items, while the unit of work closes; or for a consumer,
    /// while there is none.
    waiting: Vec<Guest>,
}

/// An exclusive module: while its handler waits at a stream, the messages in its mailbox wait too.
pub(crate) trait Line: Send + Sync {
    /// How many of this unit of work do.
    fn behind(&self, scope: &Scope) -> u64;
}

/// A delivery in flight, from when it begins to wait until it is over or waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guest {
    /// Where its context is, which is lent to it: deliveries of one event have one number, but a context
    /// each.
    pub(crate) place: usize,
    /// Its number.
    pub(crate) sequence: u64,
    /// The number of the one that waits for its reply, if one does.
    pub(crate) caller: Option<u64>,
    /// Whether it waits for room in a stream that has never had a consumer; otherwise for items.
    pub(crate) for_room: bool,
}

impl Scope {
    /// The stream of that type and name, made if need be.
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

    /// A stream that nobody finds: those who have it have it from whom it was made for. It ends with the
    /// others.
    pub(crate) fn stream_apart<T: Send + Sync + 'static>(
        &self,
        capacity: usize,
    ) -> Arc<Channel<T>> {
        let mut streams = lock(&self.extras_or_new().streams.0);
        // There may be many, one after the other; nobody has those that are here alone.
        let is_over =
            |entry: &mut Entry| entry.item.is_none() && Arc::strong_count(&entry.channel) == 1;
        let over: Vec<_> = streams.extract_if(.., is_over).collect();
        let channel = self.add_stream(&mut streams, None, None, capacity);
        drop(streams);
        drop(over); // Items in it are the user's, and so not dropped under the lock.
        channel
    }

    fn add_stream<T: Send + Sync + 'static>(
        &self,
        streams: &mut Vec<Entry>,
        item: Option<TypeId>,
        name: Option<&str>,
        capacity: usize,
    ) -> Arc<Channel<T>> {
        let channel = Arc::new(Channel::<T>::new(capacity));
        // Asked under the lock, under which all streams are ended: later none may be open.
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
        streams.push(Entry {
            item,
            item_name: type_name::<T>(),
            name: name.map(Arc::from),
            channel: Arc::clone(&channel) as Arc<dyn AnyChannel>,
            waiting: Vec::new(),
        });
        channel
    }

    /// Whether messages may wait at a stream in it, or behind one who does.
    pub(crate) fn has_streams(&self) -> bool {
        let extras = self.extras();
        extras.is_some_and(|extras| !lock(&extras.streams.0).is_empty())
    }

    /// Wakes those who sleep at streams: from now on they say that they wait.
    pub(super) fn stir_streams(&self) {
        let Some(extras) = self.extras() else { return };
        let streams = lock(&extras.streams.0).clone();
        streams.iter().for_each(|entry| entry.channel.stir());
    }

    /// Ends what streams are still open.
    pub(super) fn end_streams(&self, end: impl Fn(&dyn AnyChannel) -> usize) {
        let Some(extras) = self.extras() else { return };
        // Outside of the lock, for what is given up is the user's to drop.
        let open = lock(&extras.streams.0).clone();
        open.iter().for_each(|entry| entry.end(&end));
    }

    /// A delivery begins to wait at a stream.
    pub(crate) fn begin_waiting(&self, channel: &Arc<dyn AnyChannel>, guest: Guest) {
        let Some(extras) = self.extras() else { return };
        if let Some(entry) = find(&mut lock(&extras.streams.0), channel) {
            entry.waiting.push(guest);
        }
        self.stirred();
    }

    /// It waits no more.
    pub(crate) fn end_waiting(&self, channel: &Arc<dyn AnyChannel>, guest: Guest) {
        let Some(extras) = self.extras() else { return };
        if let Some(entry) = find(&mut lock(&extras.streams.0), channel) {
            let place = entry.waiting.iter().position(|it| *it == guest);
            place.map(|place| entry.waiting.swap_remove(place));
        }
        self.stirred();
    }

    /// A module begins to be held up by a handler that waits.
    pub(crate) fn add_line(&self, line: Weak<dyn Line>) {
        lock(&self.extras_or_new().lines).push(line);
    }

    /// It goes on.
    pub(crate) fn remove_line(&self, line: &Weak<dyn Line>) {
        let Some(extras) = self.extras() else { return };
        lock(&extras.lines).retain(|it| !addr_eq(it.as_ptr(), line.as_ptr()));
    }

    /// Of a unit of work that closes: ends a stream if all that is in flight does nothing but wait at
    /// streams: the oldest that has no producer, or that has only those who push for nobody. Says whether
    /// there was one.
    ///
    /// Whoever waits is in flight, and cannot be done without asking for this lock; nor is what is in line
    /// behind them. So if so many are in flight, then nothing else is.
    pub(super) fn end_a_stream(&self) -> bool {
        let Some(extras) = self.extras() else {
            return false;
        };
        // Kept until after the locks: what they hold is the user's to drop.
        let lines = lock(&extras.lines).clone();
        let lines: Vec<Arc<dyn Line>> = lines.iter().filter_map(Weak::upgrade).collect();
        let streams = lock(&extras.streams.0);
        let entry = waited_for_alone(&streams, &lines, self).cloned();
        drop(streams);
        if let Some(entry) = &entry {
            entry.end(&|channel: &dyn AnyChannel| channel.end_of_unit());
        }
        entry.is_some()
    }
}

/// The stream to end, if all that is in flight waits at streams.
fn waited_for_alone<'a>(
    streams: &'a [Entry],
    lines: &[Arc<dyn Line>],
    scope: &Scope,
) -> Option<&'a Entry> {
    let open = || streams.iter().filter(|entry| !entry.channel.has_ended());
    let places: HashSet<usize> = open()
        .flat_map(Entry::waiting)
        .map(|guest| guest.place)
        .collect();
    if places.is_empty() {
        return None;
    }
    let sequences: HashSet<u64> = open()
        .flat_map(Entry::waiting)
        .map(|guest| guest.sequence)
        .collect();
    let callers: HashSet<u64> = open()
        .flat_map(Entry::waiting)
        .filter_map(|guest| guest.caller)
        .filter(|caller| !sequences.contains(caller))
        .collect();
    let waiting = (places.len() + callers.len()) as u64;
    // Counted last: whoever is in line is in flight, and is not handled meanwhile.
    let behind = lines.iter().map(|line| line.behind(scope)).sum::<u64>();
    if waiting + behind != scope.in_flight() {
        return None;
    }
    open().find(|entry| {
        let waits_for_room = |guest: &Guest| guest.for_room;
        match entry.channel.is_produced() {
            true => entry.waiting().any(waits_for_room),
            false => entry.waiting().next().is_some(),
        }
    })
}

impl Entry {
    /// Those who wait at it, and not for what has come since.
    fn waiting(&self) -> impl Iterator<Item = &Guest> {
        // One that has been woken, and has not run since, waits no more.
        let (used, drained) = (self.channel.was_used(), self.channel.is_drained());
        let waits = move |guest: &&Guest| if guest.for_room { !used } else { drained };
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

fn find<'a>(streams: &'a mut [Entry], channel: &Arc<dyn AnyChannel>) -> Option<&'a mut Entry> {
    streams
        .iter_mut()
        .find(|entry| addr_eq(Arc::as_ptr(&entry.channel), Arc::as_ptr(channel)))
}
