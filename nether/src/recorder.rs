//! [`Recorder`]: what a test system has seen: the messages that were sent and published in it, and whether a
//! module has sent what no module handles. Empty without the feature `test`.

#[cfg(feature = "test")]
use std::any::Any;
#[cfg(feature = "test")]
use std::sync::Mutex;

#[cfg(feature = "test")]
use tokio::sync::watch;

use crate::declaration::Declaration;
use crate::error::NoRoute;
#[cfg(feature = "test")]
use crate::guarded::catch_now;
use crate::message::Message;
#[cfg(feature = "test")]
use crate::sync::lock;

/// What a test keeps.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// Copies of messages, in the order they were sent, if they are kept.
    #[cfg(feature = "test")]
    messages: Option<Mutex<Vec<Box<dyn Any + Send>>>>,
    /// Why the test fails: the first message of a module that no module handles. Boxed: it is there in tests
    /// alone.
    #[cfg(feature = "test")]
    unrouted: Option<Box<watch::Sender<Option<String>>>>,
    /// What detached modules handled.
    #[cfg(feature = "test")]
    detached: Mutex<Vec<Declaration>>,
}

impl Recorder {
    /// The recorder of a system in a test, which keeps the messages that it sees if the test asks for them.
    #[cfg(feature = "test")]
    pub(crate) fn of_test(keeps_messages: bool) -> Self {
        Recorder {
            messages: keeps_messages.then(Mutex::default),
            unrouted: Some(Box::default()),
            detached: Mutex::default(),
        }
    }

    /// Whether it keeps messages.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        #[cfg(feature = "test")]
        return self.messages.is_some();
        #[cfg(not(feature = "test"))]
        false
    }

    /// Keeps a copy of the message, if it can be copied.
    #[inline]
    #[cfg_attr(not(feature = "test"), allow(unused_variables))]
    pub(crate) fn record<M: Message + Send>(&self, message: &M) {
        #[cfg(feature = "test")]
        if let Some(messages) = &self.messages {
            let mut copy = None;
            let copied = catch_now(&mut || copy = message.copied());
            if let (Ok(()), Some(copy)) = (copied, copy) {
                lock(messages).push(Box::new(copy));
            }
        }
    }

    /// Notes that a module which handles the message is about to be detached: from then on it is no mistake
    /// to send the message in vain.
    #[cfg_attr(not(feature = "test"), allow(unused_variables))]
    pub(crate) fn note_detached(&self, message: &Declaration) {
        #[cfg(feature = "test")]
        if self.unrouted.is_some() {
            let mut detached = lock(&self.detached);
            if !detached.contains(message) {
                detached.push(*message);
            }
        }
    }

    /// Notes that a module has sent what no module handles, and no module that is detached did.
    #[cfg_attr(not(feature = "test"), allow(unused_variables))]
    pub(crate) fn note_unrouted(&self, error: &NoRoute) {
        #[cfg(feature = "test")]
        if let Some(noted) = &self.unrouted
            && !lock(&self.detached).contains(&error.declared)
        {
            noted.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert_with(|| unrouted(error));
                is_first
            });
        }
    }

    /// Waits until a module sends what no module handles: why the test fails.
    #[cfg(feature = "test")]
    pub(crate) async fn unrouted(&self) -> String {
        let Some(noted) = &self.unrouted else {
            return std::future::pending().await;
        };
        let mut noted = noted.subscribe();
        match noted.wait_for(Option::is_some).await.map(|it| it.clone()) {
            Ok(Some(why)) => why,
            _ => std::future::pending().await,
        }
    }

    /// Why the test fails, if a module has sent what no module handles.
    #[cfg(feature = "test")]
    pub(crate) fn unrouted_so_far(&self) -> Option<String> {
        self.unrouted.as_ref()?.borrow().clone()
    }

    /// All messages of one type.
    #[cfg(feature = "test")]
    pub(crate) fn all<M: Message>(&self) -> Vec<M> {
        let Some(messages) = &self.messages else {
            return Vec::new();
        };
        let messages = lock(messages);
        let of_type = messages
            .iter()
            .filter_map(|record| record.downcast_ref::<M>());
        of_type.filter_map(Message::copied).collect()
    }
}

#[cfg(feature = "test")]
fn unrouted(error: &NoRoute) -> String {
    let name = error.message;
    let typed = name.rsplit("::").next().unwrap_or(name);
    format!(
        "a module sent `{name}` (declared at {}), and no module of this test handles it: let the test answer it, `system.fake(|it: {typed}| Ok(..))`, or start its module too",
        error.declared.place()
    )
}
