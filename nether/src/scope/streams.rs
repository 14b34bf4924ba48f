//! [`Streams`]: the shared streams of a unit of work, and how they end with it.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::channel::{AnyChannel, Channel};
use crate::error::StreamError;
use crate::scope::{Deadline, Scope};
use crate::sync::lock;

/// How many anonymous streams there are before those that are over are removed for the first time.
const FEW_STREAMS: usize = 8;

/// The shared streams of one unit of work.
#[derive(Default)]
pub(super) struct Streams(Mutex<StreamTable>);

#[derive(Default)]
struct StreamTable {
    /// Those that are found by type and name, in the order they were made.
    shared: Vec<StreamEntry>,
    /// The places in that list of those that have no name, by the type of their items.
    unnamed: HashMap<TypeId, usize>,
    /// The places of the others, by type and name.
    named: HashMap<TypeId, HashMap<Arc<str>, usize>>,
    /// The anonymous ones, in the order they were made.
    apart: Vec<StreamEntry>,
    /// How many anonymous streams there are when those that are over are removed.
    many_apart: usize,
    /// How many streams were ever made.
    made: u64,
}

/// A stream of a unit of work.
#[derive(Clone)]
pub(super) struct StreamEntry {
    /// Its place among all in the order they were made.
    number: u64,
    pub(super) item_name: &'static str,
    pub(super) name: Option<Arc<str>>,
    pub(super) channel: Arc<dyn AnyChannel>,
}

impl Scope {
    /// The stream of that type and name, created on first use.
    pub(crate) fn stream<T: Send + Sync + 'static>(
        &self,
        name: Option<&str>,
        capacity: usize,
    ) -> Arc<Channel<T>> {
        let mut streams = lock(&self.extras_or_new().streams.0);
        if let Some(known) = streams.find(TypeId::of::<T>(), name) {
            let channel: Arc<dyn Any + Send + Sync> = Arc::clone(known) as _;
            return channel
                .downcast()
                .expect("streams are found by the type of their items");
        }
        let channel = self.open_stream(capacity);
        let entry = streams.enter::<T>(name, &channel);
        streams.share(TypeId::of::<T>(), entry);
        channel
    }

    /// An anonymous stream: it is not discoverable by type, so only its creator can hand it out. It ends with
    /// the others.
    pub(crate) fn stream_apart<T: Send + Sync + 'static>(
        &self,
        capacity: usize,
    ) -> Arc<Channel<T>> {
        let mut streams = lock(&self.extras_or_new().streams.0);
        let over = streams.remove_what_is_over();
        let channel = self.open_stream(capacity);
        let entry = streams.enter::<T>(None, &channel);
        streams.apart.push(entry);
        drop(streams);
        drop(over); // Dropping items runs user code, which must not happen under the lock.
        channel
    }

    /// A stream, which has ended if the unit of work has. Made under the lock under which all streams are
    /// ended, so that no stream is opened after that.
    fn open_stream<T: Send + Sync + 'static>(&self, capacity: usize) -> Arc<Channel<T>> {
        let channel = Arc::new(Channel::<T>::new(capacity));
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
        channel
    }

    /// Wakes the tasks that sleep at streams, because from now on they have to register that they wait.
    pub(super) fn notify_streams(&self) {
        let streams = self.open_streams();
        streams.iter().for_each(|stream| stream.channel.notify());
    }

    /// Ends all streams that are still open.
    pub(super) fn end_streams(&self, end: impl Fn(&dyn AnyChannel) -> usize) {
        let Some(extras) = self.extras() else { return };
        // Outside of the lock, because dropping items runs user code.
        let all = lock(&extras.streams.0).in_order(|_| true);
        all.iter().for_each(|entry| entry.end(&end));
    }

    /// The streams that are open, in the order they were made.
    pub(super) fn open_streams(&self) -> Vec<StreamEntry> {
        let Some(extras) = self.extras() else {
            return Vec::new();
        };
        lock(&extras.streams.0).in_order(|entry| !entry.channel.has_ended())
    }
}

impl StreamTable {
    fn find(&self, item: TypeId, name: Option<&str>) -> Option<&Arc<dyn AnyChannel>> {
        let place = match name {
            None => self.unnamed.get(&item)?,
            Some(name) => self.named.get(&item)?.get(name)?,
        };
        self.shared.get(*place).map(|entry| &entry.channel)
    }

    /// The entry of a stream that was just made.
    fn enter<T: Send + Sync + 'static>(
        &mut self,
        name: Option<&str>,
        channel: &Arc<Channel<T>>,
    ) -> StreamEntry {
        self.made += 1;
        StreamEntry {
            number: self.made,
            item_name: type_name::<T>(),
            name: name.map(Arc::from),
            channel: Arc::clone(channel) as _,
        }
    }

    /// Lets a stream be found by the type of its items and its name.
    fn share(&mut self, item: TypeId, entry: StreamEntry) {
        let place = self.shared.len();
        match &entry.name {
            None => self.unnamed.insert(item, place),
            Some(name) => {
                let named = self.named.entry(item).or_default();
                named.insert(Arc::clone(name), place)
            }
        };
        self.shared.push(entry);
    }

    /// Removes the anonymous streams that are over, if there are many more than the last time: a unit of work
    /// may have many of them, one after the other. An entry that holds the last reference belongs to a stream
    /// that is over.
    fn remove_what_is_over(&mut self) -> Vec<StreamEntry> {
        if self.apart.len() < self.many_apart.max(FEW_STREAMS) {
            return Vec::new();
        }
        let is_over = |entry: &mut StreamEntry| Arc::strong_count(&entry.channel) == 1;
        let over = self.apart.extract_if(.., is_over).collect();
        self.many_apart = self.apart.len() * 2;
        over
    }

    /// Those that are wanted, the oldest first.
    fn in_order(&self, is_wanted: impl Fn(&StreamEntry) -> bool) -> Vec<StreamEntry> {
        let all = self.shared.iter().chain(&self.apart);
        let mut wanted: Vec<_> = all.filter(|entry| is_wanted(entry)).cloned().collect();
        wanted.sort_by_key(|entry| entry.number); // Two runs in order: cheap to merge.
        wanted
    }
}

impl StreamEntry {
    /// Whether it is one of these, which are known by their addresses.
    pub(super) fn is_in(&self, streams: &HashMap<usize, Arc<dyn AnyChannel>>) -> bool {
        streams.contains_key(&Arc::as_ptr(&self.channel).addr())
    }

    pub(super) fn end(&self, end: &impl Fn(&dyn AnyChannel) -> usize) {
        let lost = end(&*self.channel);
        if lost > 0 {
            tracing::warn!(
                items = lost,
                item = self.item_name,
                stream = self.name.as_deref(),
                "a stream ended with items that no consumer took"
            );
        }
    }
}
