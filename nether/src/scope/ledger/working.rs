//! [`Working`]: the parked handlers that wait for nothing that is registered.

use std::collections::{HashMap, HashSet};

use super::DeliveryKey;
use super::entries::ReplyEntry;

/// The parked handlers that wait for nothing that is registered, kept so that one of them is known without a
/// look at the others.
#[derive(Default)]
pub(super) struct Working {
    handlers: HashSet<DeliveryKey>,
    /// The addresses of the replies that each delivery expects, in the order of their messages. Some may be
    /// over.
    expected: HashMap<DeliveryKey, Vec<usize>>,
}

/// The replies that are registered, by their addresses.
type Replies = HashMap<usize, ReplyEntry>;

impl Working {
    pub(super) fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    pub(super) fn remove(&mut self, handler: DeliveryKey) {
        self.handlers.remove(&handler);
    }

    /// A handler is parked that waits for no message and at no stream.
    pub(super) fn add_unless_expecting(&mut self, handler: DeliveryKey, replies: &Replies) {
        if self.expects_reply(handler, replies) {
            self.remove(handler);
        } else {
            self.handlers.insert(handler);
        }
    }

    /// A delivery expects the reply at this address.
    pub(super) fn expect(&mut self, of: DeliveryKey, address: usize, replies: &Replies) {
        self.expects_reply(of, replies); // Forgets those that are over.
        self.expected.entry(of).or_default().push(address);
        self.remove(of);
    }

    /// Begins anew to know which replies are expected.
    pub(super) fn set_expected(&mut self, replies: &Replies) {
        self.expected.clear();
        for (address, entry) in replies {
            self.expected.entry(entry.of).or_default().push(*address);
        }
    }

    /// Whether the delivery expects a reply. Replies that are over are forgotten, each once, so this costs
    /// the same however many there were.
    fn expects_reply(&mut self, of: DeliveryKey, replies: &Replies) -> bool {
        let Some(addresses) = self.expected.get_mut(&of) else {
            return false;
        };
        while let Some(address) = addresses.last() {
            let entry = replies.get(address).filter(|entry| entry.of == of);
            if entry.is_some_and(|entry| entry.reply.is_open()) {
                return true;
            }
            addresses.pop();
        }
        self.expected.remove(&of);
        false
    }
}
