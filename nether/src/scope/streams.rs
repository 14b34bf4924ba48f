//! [`Streams`]: the shared streams of a unit of work, and how they end with it.

use std::any::{Any, TypeId, type_name};
use std::ptr::addr_eq;
use std::sync::{Arc, Mutex};

use crate::channel::{AnyChannel, Channel};
use crate::error::StreamError;
use crate::scope::{Deadline, Scope};
use crate::sync::lock;

/// The shared streams of one unit of work, in the order they were made.
#[derive(Default)]
pub(super) struct Streams(Mutex<Vec<StreamEntry>>);

/// A stream of a unit of work.
#[derive(Clone)]
pub(super) struct StreamEntry {
    /// The type of the items; `None` for an anonymous stream.
    item: Option<TypeId>,
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
        });
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
        let open = lock(&extras.streams.0).clone();
        open.iter().for_each(|entry| entry.end(&end));
    }

    /// The streams that are open, in the order they were made.
    pub(super) fn open_streams(&self) -> Vec<StreamEntry> {
        let Some(extras) = self.extras() else {
            return Vec::new();
        };
        let streams = lock(&extras.streams.0);
        let open = streams.iter().filter(|entry| !entry.channel.has_ended());
        open.cloned().collect()
    }
}

impl StreamEntry {
    /// Whether it is one of these.
    pub(super) fn is_in(&self, streams: &[Arc<dyn AnyChannel>]) -> bool {
        let this = Arc::as_ptr(&self.channel);
        streams
            .iter()
            .any(|stream| addr_eq(Arc::as_ptr(stream), this))
    }

    pub(super) fn end(&self, end: &impl Fn(&dyn AnyChannel) -> usize) {
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
