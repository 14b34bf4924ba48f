//! [`Node`]: an exclusive module, or a delivery in a task of its own, in the wait-for graph: what it waits
//! for.
//!
//! Each node knows its waits, under a lock of its own. A wait is over once its reply cell is no longer open,
//! which the handler sees to before it takes its next message, or once the task of the node does not poll for
//! it any more.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::WaitEdge;
use crate::scope::{BlockerWait, last_roll};
use crate::sync::{Mutex, lock};
use crate::waiting::inner::{self, InnerDelivery};
use crate::waiting::polled::PolledWait;

/// How many waits a node keeps before those that are over are removed for the first time.
const FEW: usize = 8;

/// Marks the numbers of deliveries that are polled within the tasks of others.
const INNER: u64 = 1 << 62;

/// An exclusive module, or a delivery that runs in a task of its own; and what it waits for.
pub(crate) struct Node {
    name: &'static Declaration,
    /// No two nodes of a process have the same; none has 0.
    number: u64,
    waits: Mutex<Waits>,
    /// The key, if it is the line of one.
    key: Option<Weak<dyn KeyText>>,
    /// Set if it is a delivery that is polled within the task of another node: that node, which has the waits
    /// of both, and the address of the delivery.
    within: Option<(Arc<Node>, usize)>,
    /// How many replies are waited for, some of which may be over.
    open: AtomicUsize,
}

/// A key of a module, as reports name it.
pub(crate) trait KeyText: Send + Sync {
    fn key_text(&self) -> String;
}

#[derive(Default)]
struct Waits {
    list: Vec<Wait>,
    /// How many waits there are when those that are over are removed.
    many: usize,
    /// The units of work that it closes.
    closings: Vec<Closing>,
}

/// The wait of a node for the reply to a message.
#[derive(Clone)]
pub(crate) struct Wait {
    pub(crate) message: &'static str,
    pub(crate) handler: Arc<Node>,
    pub(crate) reply: Arc<dyn ExpectedReply>,
    /// The address of the unit of work that the message belongs to.
    pub(crate) unit: usize,
    /// The addresses of those that it is nested in.
    pub(crate) parents: Vec<usize>,
    /// Whether the unit of work knows for which of its deliveries that is.
    pub(crate) is_known: bool,
    /// The number of the last roll call before it began.
    pub(crate) began: u64,
    /// In which deliveries it began, within the task of the node.
    pub(crate) inner: Vec<InnerDelivery>,
}

/// The wait of a node for the end of a unit of work.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    /// The address of the unit of work.
    pub(crate) unit: usize,
    pub(crate) poll: Arc<PolledWait>,
    /// The number of the last roll call before it began.
    pub(crate) began: u64,
    /// In which deliveries it began, within the task of the node.
    pub(crate) inner: Vec<InnerDelivery>,
}

/// Finds what keeps a unit of work from its end, by the address of that.
pub(crate) type Holders<'a> = &'a dyn Fn(usize) -> Vec<Arc<Node>>;

impl Node {
    pub(crate) fn new(
        name: &'static Declaration,
        key: Option<Weak<dyn KeyText>>,
        number: u64,
    ) -> Arc<Self> {
        Arc::new(Node {
            name,
            number,
            waits: Mutex::default(),
            key,
            within: None,
            open: AtomicUsize::new(0),
        })
    }

    /// The delivery of this module that has this address, and is polled within the task of the node: it waits
    /// only for what began in it.
    pub(crate) fn inner(self: &Arc<Self>, address: usize, name: &'static Declaration) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(INNER);
        Arc::new(Node {
            name,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            waits: Mutex::default(),
            key: None,
            within: Some((Arc::clone(self), address)),
            open: AtomicUsize::new(0),
        })
    }

    /// Whether it is one of these deliveries, within the task of that node.
    pub(super) fn is_within(&self, node: &Arc<Node>, inner: &[InnerDelivery]) -> bool {
        self.within.as_ref().is_some_and(|(of, address)| {
            Arc::ptr_eq(of, node) && inner.iter().any(|inner| inner.address == *address)
        })
    }

    /// Whether it is a delivery that is polled within the task of another node.
    pub(super) fn is_inner(&self) -> bool {
        self.within.is_some()
    }

    /// The node waits for nothing any more. To be called when it is gone, since two may know of each other.
    pub(crate) fn forget(&self) {
        let waits = std::mem::take(&mut *lock(&self.waits));
        drop(waits); // What a reply holds is the user's.
    }

    pub(super) fn name(&self) -> &'static str {
        self.name.name
    }

    /// Whether it is the line of a key.
    pub(super) fn is_line(&self) -> bool {
        self.key.is_some()
    }

    /// The text of the key, if it is the line of one that is still there.
    pub(super) fn key_text(&self) -> Option<String> {
        let key = self.key.as_ref()?.upgrade()?;
        Some(key.key_text())
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The replies that it waits for of which the unit of work that has this address does not know.
    pub(crate) fn replies_unknown_to(&self, unit: usize) -> Vec<Wait> {
        let waits = lock(&self.waits);
        let open = waits.list.iter().filter(|wait| !self.is_over(wait));
        let unknown = open.filter(|wait| wait.unit != unit || !wait.is_known);
        unknown.cloned().collect()
    }

    /// What these nodes wait for, and what they wait for in turn, all by their numbers.
    pub(crate) fn waits_by_number(
        nodes: impl IntoIterator<Item = Arc<Node>>,
        holders: Holders<'_>,
    ) -> HashMap<u64, Vec<BlockerWait>> {
        let (mut waits, mut next) = (HashMap::new(), Vec::from_iter(nodes));
        while let Some(node) = next.pop() {
            if waits.contains_key(&node.number) {
                continue;
            }
            let (replies, closings) = node.open_waits();
            let mut others: Vec<_> = replies.iter().map(Wait::of_blocker).collect();
            next.extend(replies.into_iter().map(|wait| wait.handler));
            for closing in closings {
                let holders = holders(closing.unit);
                others.push(BlockerWait {
                    others: holders.iter().map(|holder| holder.number).collect(),
                    answered: closing.poll.last_roll(),
                    began: closing.began,
                });
                next.extend(holders);
            }
            if let (Some((of, _)), true) = (&node.within, others.is_empty()) {
                others.push(BlockerWait {
                    others: vec![of.number],
                    answered: u64::MAX,
                    began: 0,
                });
                next.push(Arc::clone(of));
            }
            waits.insert(node.number, others);
        }
        waits
    }

    /// Wakes the tasks that wait for these, and for what they wait for in turn.
    pub(crate) fn wake_waits(nodes: impl IntoIterator<Item = Arc<Node>>, holders: Holders<'_>) {
        let (mut seen, mut next) = (HashSet::new(), Vec::from_iter(nodes));
        while let Some(node) = next.pop() {
            if !seen.insert(node.number) {
                continue;
            }
            let (replies, closings) = node.open_waits();
            replies.iter().for_each(|wait| wait.reply.wake());
            for closing in closings {
                closing.poll.wake();
                next.extend(holders(closing.unit));
            }
            next.extend(replies.into_iter().map(|wait| wait.handler));
        }
    }

    /// What replies the node waits for.
    pub(crate) fn waits(&self) -> Vec<WaitEdge> {
        let (replies, _) = self.open_waits();
        let edge = |wait: &Wait| self.edge(wait.message, &wait.handler);
        replies.iter().map(edge).collect()
    }

    /// Whether it waits for the reply to a message of the unit of work that has this address, or of one that
    /// is nested in that.
    pub(crate) fn waits_within(&self, unit: usize) -> bool {
        let waits = lock(&self.waits);
        let mut replies = waits.list.iter();
        replies
            .any(|wait| (wait.unit == unit || wait.parents.contains(&unit)) && !self.is_over(wait))
    }

    pub(crate) fn is_over(&self, wait: &Wait) -> bool {
        !wait.reply.is_open() || wait.reply.owner() != self.number
    }

    fn open_waits(&self) -> (Vec<Wait>, Vec<Closing>) {
        if let Some((of, address)) = &self.within {
            let is_its = |inner: &[InnerDelivery]| inner.iter().any(|it| it.address == *address);
            let (mut replies, mut closings) = of.open_waits();
            replies.retain(|wait| is_its(&wait.inner));
            closings.retain(|closing| is_its(&closing.inner));
            return (replies, closings);
        }
        let waits = lock(&self.waits);
        let open = waits.list.iter().filter(|wait| !self.is_over(wait));
        (open.cloned().collect(), waits.closings.clone())
    }

    /// The waits that have answered the roll call of this number.
    pub(super) fn waits_since(&self, roll: u64) -> (Vec<Wait>, Vec<Closing>) {
        let (mut replies, mut closings) = self.open_waits();
        if roll > 0 {
            replies.retain(|wait| wait.reply.last_roll() >= roll);
            closings.retain(|closing| closing.poll.last_roll() >= roll);
        }
        (replies, closings)
    }

    /// Its wait for another node, because of a message.
    pub(super) fn edge(&self, message: &'static str, handler: &Node) -> WaitEdge {
        WaitEdge {
            module: self.name(),
            module_key: self.key_text(),
            message,
            handler: handler.name(),
            handler_key: handler.key_text(),
        }
    }

    /// The wait for the reply that has this address, also if the task of the node polls for it no more.
    pub(crate) fn wait_for_reply(&self, reply: usize) -> Option<Wait> {
        let waits = lock(&self.waits);
        let address = |wait: &Wait| Arc::as_ptr(&wait.reply).cast::<()>().addr();
        waits
            .list
            .iter()
            .find(|wait| address(wait) == reply)
            .cloned()
    }

    /// Puts in a wait. Gives back what is over.
    pub(super) fn push(&self, wait: &Wait) -> Vec<Wait> {
        wait.reply.set_owner(self.number);
        let mut waits = lock(&self.waits);
        let over = self.remove_old(&mut waits);
        waits.list.push(wait.clone());
        self.open.store(waits.list.len(), Ordering::SeqCst);
        over
    }

    /// Whether it waits for a reply from the node of this number, directly or through others.
    pub(crate) fn reaches(&self, number: u64) -> bool {
        let (mut seen, mut next) = (HashSet::new(), self.open_waits().0);
        while let Some(wait) = next.pop() {
            if wait.handler.number == number {
                return true;
            }
            if seen.insert(wait.handler.number) {
                next.extend(wait.handler.open_waits().0);
            }
        }
        false
    }

    /// Whether it waits for no reply.
    pub(super) fn is_free(&self) -> bool {
        if self.is_inner() {
            return self.open_waits().0.is_empty();
        }
        let waits = lock(&self.waits);
        waits.list.iter().all(|wait| self.is_over(wait))
    }

    /// How many replies are waited for, some of which may be over.
    pub(super) fn count(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// The waits for replies that are not over, the last one first. Removes those after it.
    pub(super) fn last_waits(&self) -> Vec<Wait> {
        if self.is_inner() {
            return self.open_waits().0.into_iter().rev().collect();
        }
        let mut over = Vec::new();
        let mut waits = lock(&self.waits);
        while let Some(wait) = waits.list.pop_if(|wait| self.is_over(wait)) {
            over.push(wait);
        }
        self.open.store(waits.list.len(), Ordering::SeqCst);
        let open = waits.list.iter().filter(|wait| !self.is_over(wait));
        let last = open.rev().cloned().collect();
        drop(waits);
        drop(over); // What a reply holds is the user's.
        last
    }

    /// It closes that unit of work no more.
    pub(super) fn remove_closing(&self, closing: &Closing) {
        let is_other = |other: &Closing| !Arc::ptr_eq(&other.poll, &closing.poll);
        lock(&self.waits).closings.retain(is_other);
    }

    /// Removes the waits that are over, if there are many.
    fn remove_old(&self, waits: &mut Waits) -> Vec<Wait> {
        if waits.list.len() < waits.many.max(FEW) {
            return Vec::new();
        }
        let over = waits
            .list
            .extract_if(.., |wait| self.is_over(wait))
            .collect();
        waits.many = waits.list.len() * 2;
        over
    }

    /// The node closes a unit of work, until [`end_closing`](Node::end_closing).
    pub(crate) fn begin_closing(&self, unit: usize) -> Closing {
        let poll = Arc::<PolledWait>::default();
        let began = last_roll();
        let inner = inner::current();
        let closing = Closing {
            unit,
            poll,
            began,
            inner,
        };
        lock(&self.waits).closings.push(closing.clone());
        closing
    }
}

impl Wait {
    fn of_blocker(&self) -> BlockerWait {
        BlockerWait {
            others: vec![self.handler.number],
            answered: self.reply.last_roll(),
            began: self.began,
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name.name)
            .finish_non_exhaustive()
    }
}
