//! [`Node`]: the wait-for graph. There is no graph as such: each node knows what it waits for, under a lock
//! of its own. A wait is over once its reply cell is no longer open, which the handler sees to before it
//! takes its next message, or once the task of the node does not poll for it any more. Its interleavings are
//! tried out in `tests/models`.
//!
//! A node that waits for several replies at once goes on when the first of them arrives (`select!`), or may
//! do so (`join!`). So it is stuck only if all that it waits for is: these are "or" waits (K. M. Chandy, J.
//! Misra, L. M. Haas, "Distributed deadlock detection", 1983). A unit of work that is closed ends when all
//! that is in it has ended: an "and" wait.
//!
//! A call looks for circles of calls, as it begins. Circles in which somebody closes a unit of work are
//! looked for by whoever closes one, and only if that takes a while: to find out who is in a unit of work
//! costs more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::{Deadlock, WaitEdge};
use crate::scope::{BlockerWait, last_roll};
use crate::sync::{Mutex, lock, refusing};
use crate::waiting::inner::InnerDelivery;
use crate::waiting::polled::PolledWait;

/// How many waits a node keeps before those that are over are removed for the first time.
const FEW: usize = 8;

/// An exclusive module, or a delivery that runs in a task of its own; and what it waits for.
pub(crate) struct Node {
    name: &'static Declaration,
    /// No two nodes of a process have the same; none has 0.
    number: u64,
    waits: Mutex<Waits>,
    /// How many replies are waited for, some of which may be over.
    open: AtomicUsize,
}

#[derive(Default)]
struct Waits {
    list: Vec<Wait>,
    /// How many waits there are when those that are over are removed.
    many: usize,
    /// The units of work that it closes.
    closings: Vec<Closing>,
}

/// That a node waits for the reply to a message.
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

/// That a node waits for the end of a unit of work.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    /// The address of the unit of work.
    pub(crate) unit: usize,
    pub(crate) poll: Arc<PolledWait>,
    /// The number of the last roll call before it began.
    pub(crate) began: u64,
}

/// Finds what keeps a unit of work from its end, by the address of that.
pub(crate) type Holders<'a> = &'a dyn Fn(usize) -> Vec<Arc<Node>>;

/// What the message of a wait is called that is for the end of a unit of work.
const CLOSE: &str = "Context::close";

impl Node {
    pub(crate) fn new(name: &'static Declaration, number: u64) -> Arc<Self> {
        Arc::new(Node {
            name,
            number,
            waits: Mutex::default(),
            open: AtomicUsize::new(0),
        })
    }

    /// The node waits for nothing any more. To be called when it is gone, since two may know of each other.
    pub(crate) fn forget(&self) {
        let waits = std::mem::take(&mut *lock(&self.waits));
        drop(waits); // What a reply holds is the user's.
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
            waits.insert(node.number, others);
        }
        waits
    }

    /// Wakes whoever waits for these, and for what they wait for in turn.
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
        replies.iter().map(|wait| self.edge(wait)).collect()
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
        let waits = lock(&self.waits);
        let open = waits.list.iter().filter(|wait| !self.is_over(wait));
        (open.cloned().collect(), waits.closings.clone())
    }

    /// The waits that have answered the roll call of this number.
    fn waits_since(&self, roll: u64) -> (Vec<Wait>, Vec<Closing>) {
        let (mut replies, mut closings) = self.open_waits();
        if roll > 0 {
            replies.retain(|wait| wait.reply.last_roll() >= roll);
            closings.retain(|closing| closing.poll.last_roll() >= roll);
        }
        (replies, closings)
    }

    fn edge(&self, wait: &Wait) -> WaitEdge {
        WaitEdge {
            module: self.name.name,
            message: wait.message,
            handler: wait.handler.name.name,
        }
    }

    /// The node waits for this reply from now on.
    ///
    /// Waits are put in before the circle is looked for: of those that close one together, the last one sees
    /// all others.
    ///
    /// # Errors
    /// If it would wait for ever; then the reply is no longer expected.
    pub(crate) fn add(self: &Arc<Self>, wait: Wait) -> Result<(), Deadlock> {
        wait.reply.set_owner(self.number);
        let over = {
            let mut waits = lock(&self.waits);
            let over = self.remove_old(&mut waits);
            waits.list.push(wait.clone());
            self.open.store(waits.list.len(), Ordering::SeqCst);
            over
        };
        drop(over); // What a reply holds is the user's.
        if !Arc::ptr_eq(&wait.handler, self) && wait.handler.is_free() {
            return Ok(());
        }
        match self.deadlock(None, 0, |_| wait.reply.close()) {
            Some(deadlock) => Err(deadlock),
            None => Ok(()),
        }
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
    fn is_free(&self) -> bool {
        let waits = lock(&self.waits);
        waits.list.iter().all(|wait| self.is_over(wait))
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

    /// Looks again whether the node is stuck, if at least so many replies were waited for: one of several may
    /// have arrived, and what is left never will. Then the last of these is refused.
    pub(crate) fn look_again(self: &Arc<Self>, at_least: usize) {
        if self.open.load(Ordering::SeqCst) < at_least {
            return;
        }
        let (over, last) = {
            let mut waits = lock(&self.waits);
            let mut over = Vec::new();
            while let Some(wait) = waits.list.pop_if(|wait| self.is_over(wait)) {
                over.push(wait);
            }
            self.open.store(waits.list.len(), Ordering::SeqCst);
            (over, waits.list.last().cloned())
        };
        drop(over); // What a reply holds is the user's.
        let Some(last) = last.filter(|last| !last.handler.is_free()) else {
            return;
        };
        self.deadlock(None, 0, |deadlock| last.reply.refuse(deadlock.clone()));
    }

    /// The node closes a unit of work, until [`end_closing`](Node::end_closing).
    pub(crate) fn begin_closing(&self, unit: usize) -> Closing {
        let poll = Arc::<PolledWait>::default();
        let began = last_roll();
        let closing = Closing { unit, poll, began };
        lock(&self.waits).closings.push(closing.clone());
        closing
    }

    /// It closes that no more; what is left of its waits may never end.
    pub(crate) fn end_closing(self: &Arc<Self>, closing: &Closing) {
        let is_other = |other: &Closing| !Arc::ptr_eq(&other.poll, &closing.poll);
        lock(&self.waits).closings.retain(is_other);
        self.look_again(1);
    }

    /// The circle of waits that the node is in, if there is no way out of it; `refuse` is to open it, before
    /// any other node finds it. Without `holders`, the end of a unit of work counts as a way out.
    ///
    /// Only waits count that have answered the roll call of this number: a future that is held and not polled
    /// keeps nobody from going on.
    pub(crate) fn deadlock(
        self: &Arc<Self>,
        holders: Option<Holders<'_>>,
        roll: u64,
        refuse: impl FnOnce(&Deadlock),
    ) -> Option<Deadlock> {
        loop {
            let graph = Graph::around(self, holders, roll);
            let cycle = graph.circle(self)?;
            // What was seen one after the other may never have been there together; but what is there still
            // when all has been seen, was. That includes what makes the other ways no ways out.
            let _refusing = lock(refusing());
            if graph.is_still_there(holders) {
                let deadlock = Deadlock { cycle };
                refuse(&deadlock);
                return Some(deadlock);
            }
        }
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

/// The nodes that one may wait for, and what each of them waits for, as it was seen.
struct Graph {
    nodes: HashMap<u64, SeenNode>,
}

/// A node, and its waits as they were seen.
struct SeenNode {
    node: Arc<Node>,
    replies: Vec<Wait>,
    /// The units of work that it closes, and what keeps each from its end.
    closings: Vec<(Closing, Vec<Arc<Node>>)>,
    /// The roll call that these have answered.
    roll: u64,
}

impl Graph {
    fn around(start: &Arc<Node>, holders: Option<Holders<'_>>, roll: u64) -> Self {
        let mut nodes = HashMap::new();
        let mut next = vec![Arc::clone(start)];
        while let Some(node) = next.pop() {
            if nodes.contains_key(&node.number) {
                continue;
            }
            let seen = SeenNode::look(node, holders, roll);
            next.extend(seen.steps().map(|(_, to)| Arc::clone(to)));
            nodes.insert(seen.node.number, seen);
        }
        let mut graph = Graph { nodes };
        graph.remove_ways_out();
        graph
    }

    /// Removes the nodes that can go on: those that wait for nothing, and those that wait for one that can go
    /// on.
    fn remove_ways_out(&mut self) {
        loop {
            let free: HashSet<u64> = self
                .nodes
                .values()
                .filter(|seen| !self.is_stuck(seen))
                .map(|seen| seen.node.number)
                .collect();
            if free.is_empty() {
                return;
            }
            self.nodes.retain(|number, _| !free.contains(number));
        }
    }

    /// Whether all that it waits for is left in the graph. The end of a unit of work is, if something is left
    /// that keeps it from its end.
    fn is_stuck(&self, seen: &SeenNode) -> bool {
        let is_left = |node: &Arc<Node>| self.nodes.contains_key(&node.number);
        let waits = seen.replies.len() + seen.closings.len();
        let are_replies_left = seen.replies.iter().all(|wait| is_left(&wait.handler));
        let mut closings = seen.closings.iter();
        waits > 0 && are_replies_left && closings.all(|(_, holders)| holders.iter().any(is_left))
    }

    /// The shortest circle through this node.
    fn circle(&self, start: &Arc<Node>) -> Option<Vec<WaitEdge>> {
        let mut seen = HashSet::new();
        let mut paths: VecDeque<(u64, Vec<WaitEdge>)> =
            VecDeque::from([(start.number, Vec::new())]);
        while let Some((last, path)) = paths.pop_front() {
            let steps = self.nodes.get(&last).map(SeenNode::steps);
            for (edge, to) in steps.into_iter().flatten() {
                let mut longer = path.clone();
                longer.push(edge);
                if to.number == start.number {
                    return Some(longer);
                }
                if seen.insert(to.number) {
                    paths.push_back((to.number, longer));
                }
            }
        }
        None
    }

    /// Whether each node that is left has the same waits as before, and no other; and what kept a unit of
    /// work from its end still did in between.
    fn is_still_there(&self, holders: Option<Holders<'_>>) -> bool {
        let mut nodes = self.nodes.values();
        nodes.all(|seen| seen.is_still_held(&self.nodes, holders))
            && self.nodes.values().all(SeenNode::has_same_waits)
    }
}

impl SeenNode {
    fn look(node: Arc<Node>, holders: Option<Holders<'_>>, roll: u64) -> Self {
        let (replies, closings) = node.waits_since(roll);
        let hold = |closing: Closing| {
            let holders = holders.map(|holders| holders(closing.unit));
            (closing, holders.unwrap_or_default())
        };
        SeenNode {
            replies,
            closings: closings.into_iter().map(hold).collect(),
            node,
            roll,
        }
    }

    /// The nodes that it waits for.
    fn steps(&self) -> impl Iterator<Item = (WaitEdge, &Arc<Node>)> {
        let replies = self
            .replies
            .iter()
            .map(|wait| (self.node.edge(wait), &wait.handler));
        let holders = self.closings.iter().flat_map(|(_, holders)| holders);
        replies.chain(holders.map(|holder| {
            let edge = WaitEdge {
                module: self.node.name.name,
                message: CLOSE,
                handler: holder.name.name,
            };
            (edge, holder)
        }))
    }

    /// Whether something that is left keeps each unit of work from its end that it closes, as before.
    fn is_still_held(&self, left: &HashMap<u64, SeenNode>, holders: Option<Holders<'_>>) -> bool {
        let mut closings = self.closings.iter();
        closings.all(|(closing, seen)| {
            let is_seen = |holder: &Arc<Node>| seen.iter().any(|seen| Arc::ptr_eq(seen, holder));
            let now = holders.map_or_else(Vec::new, |holders| holders(closing.unit));
            now.iter()
                .any(|holder| left.contains_key(&holder.number) && is_seen(holder))
        })
    }

    fn has_same_waits(&self) -> bool {
        let (replies, closings) = self.node.waits_since(self.roll);
        let is_same = |(one, other): (&Wait, &Wait)| Arc::ptr_eq(&one.reply, &other.reply);
        replies.len() == self.replies.len()
            && replies.iter().zip(&self.replies).all(is_same)
            && closings.len() == self.closings.len()
            && closings
                .iter()
                .zip(&self.closings)
                .all(|(one, (other, _))| Arc::ptr_eq(&one.poll, &other.poll))
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name.name)
            .finish_non_exhaustive()
    }
}
