//! [`Recorder`]: the messages that a test system has sent and published; empty without the feature `test`.

#[cfg(feature = "test")]
use std::any::Any;
#[cfg(feature = "test")]
use std::sync::Mutex;

#[cfg(feature = "test")]
use crate::guarded::catch_now;
use crate::message::Message;
#[cfg(feature = "test")]
use crate::sync::lock;

/// Copies of messages, in the order they were sent.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    #[cfg(feature = "test")]
    records: Option<Mutex<Vec<Box<dyn Any + Send>>>>,
}

impl Recorder {
    /// A recorder that keeps the messages that it sees.
    #[cfg(feature = "test")]
    pub(crate) fn keeping() -> Self {
        Recorder {
            records: Some(Mutex::default()),
        }
    }

    /// Whether it keeps messages.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        #[cfg(feature = "test")]
        return self.records.is_some();
        #[cfg(not(feature = "test"))]
        false
    }

    /// Keeps a copy of the message, if it can be copied.
    #[inline]
    #[cfg_attr(not(feature = "test"), allow(unused_variables))]
    pub(crate) fn record<M: Message + Send>(&self, message: &M) {
        #[cfg(feature = "test")]
        if let Some(records) = &self.records {
            let mut copy = None;
            let copied = catch_now(&mut || copy = message.copied());
            if let (Ok(()), Some(copy)) = (copied, copy) {
                lock(records).push(Box::new(copy));
            }
        }
    }

    /// All messages of one type.
    #[cfg(feature = "test")]
    pub(crate) fn all<M: Message>(&self) -> Vec<M> {
        let Some(records) = &self.records else {
            return Vec::new();
        };
        let records = lock(records);
        let of_type = records
            .iter()
            .filter_map(|record| record.downcast_ref::<M>());
        of_type.filter_map(Message::copied).collect()
    }
}
