//! The waits of the current task that a unit of work which is closed cannot find in its own ledger.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::scope::{Blockers, HeldMailbox, ModuleAhead, WaitElsewhere};
use crate::sync::lock;
use crate::waiting::inner::{self, InnerDelivery};
use crate::waiting::node::{Closing, Node, Wait};
use crate::waiting::{Waiter, all, holding_nodes};

/// A wait for the reply to a message, or for room for one.
struct ReplyElsewhere {
    this: Arc<Node>,
    wait: Wait,
}

impl WaitElsewhere for ReplyElsewhere {
    fn is_open(&self) -> bool {
        !self.this.is_over(&self.wait)
    }

    fn wake(&self) {
        self.wait.reply.wake();
        Node::wake_waits([Arc::clone(&self.wait.handler)], &holding_nodes);
    }

    fn answered(&self) -> u64 {
        self.wait.reply.last_roll()
    }

    fn began(&self) -> u64 {
        self.wait.began
    }

    fn blockers(&self) -> Blockers {
        Blockers {
            modules: vec![self.wait.handler.number()],
            waits: Node::waits_by_number([Arc::clone(&self.wait.handler)], &holding_nodes),
        }
    }

    fn words(&self) -> String {
        format!("`{}`", self.wait.message)
    }
}

/// A wait for the end of a unit of work.
#[derive(Debug)]
pub(super) struct EndWait {
    closing: Closing,
    is_over: AtomicBool,
    inner: Vec<InnerDelivery>,
}

impl EndWait {
    pub(super) fn new(closing: Closing) -> Arc<Self> {
        Arc::new(EndWait {
            closing,
            is_over: AtomicBool::new(false),
            inner: inner::current(),
        })
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

impl WaitElsewhere for EndWait {
    fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        self.closing.poll.wake();
        Node::wake_waits(holding_nodes(self.closing.unit), &holding_nodes);
    }

    fn answered(&self) -> u64 {
        self.closing.poll.last_roll()
    }

    fn began(&self) -> u64 {
        self.closing.began
    }

    fn blockers(&self) -> Blockers {
        let holders = holding_nodes(self.closing.unit);
        Blockers {
            modules: holders.iter().map(|holder| holder.number()).collect(),
            waits: Node::waits_by_number(holders, &holding_nodes),
        }
    }

    fn words(&self) -> String {
        "the end of another context".to_owned()
    }
}

/// A wait until a module has handled what it handles now.
struct TurnElsewhere(Arc<Node>);

impl WaitElsewhere for TurnElsewhere {
    fn is_open(&self) -> bool {
        true
    }

    fn wake(&self) {
        Node::wake_waits([Arc::clone(&self.0)], &holding_nodes);
    }

    /// Always: no future polls for it.
    fn answered(&self) -> u64 {
        u64::MAX
    }

    fn began(&self) -> u64 {
        0
    }

    fn blockers(&self) -> Blockers {
        Blockers {
            modules: vec![self.0.number()],
            waits: Node::waits_by_number([Arc::clone(&self.0)], &holding_nodes),
        }
    }

    fn words(&self) -> String {
        format!("`{}`", self.0.name())
    }
}

/// Returns the modules of these numbers, and those that have messages of the unit of work that has this
/// address.
pub(super) fn modules_ahead(unit: usize, numbers: &HashSet<u64>) -> Vec<ModuleAhead> {
    let modules = all().filter_map(|waiter| {
        let mailbox = waiter.mailbox.get().and_then(Weak::upgrade);
        let has_messages = |mailbox: &Arc<dyn HeldMailbox>| mailbox.count_behind_handler(unit) > 0;
        let is_wanted =
            numbers.contains(&waiter.number) || mailbox.as_ref().is_some_and(has_messages);
        is_wanted.then(|| ModuleAhead {
            number: waiter.number,
            mailbox,
            waits: Arc::new(TurnElsewhere(Arc::clone(&waiter.node))),
        })
    });
    modules.collect()
}

impl Waiter {
    /// The waits in its task that the unit of work that has this address does not know of, and that are of a
    /// delivery, as [`inner::is_of`] says.
    pub(super) fn waits_elsewhere(
        &self,
        unit: usize,
        is_of: impl Fn(&[InnerDelivery]) -> bool,
    ) -> Vec<Arc<dyn WaitElsewhere>> {
        let ends = lock(&self.ends).clone();
        let ends = ends
            .into_iter()
            .filter(|end| end.closing.unit != unit && is_of(&end.inner));
        let replies = self.node.replies_unknown_to(unit).into_iter();
        let replies = replies.filter(|wait| is_of(&wait.inner)).map(|wait| {
            let this = Arc::clone(&self.node);
            Arc::new(ReplyElsewhere { this, wait }) as Arc<dyn WaitElsewhere>
        });
        replies.chain(ends.map(|end| end as _)).collect()
    }
}
