//! The wait-for graph: there is none as such, but what each [`Node`] waits for. Its interleavings are tried
//! out in `tests/models`.
//!
//! A node that waits for several replies at once goes on when the first of them arrives (`select!`), or may
//! do so (`join!`). So it is stuck only if all that it waits for is: these are "or" waits (K. M. Chandy, J.
//! Misra, L. M. Haas, "Distributed deadlock detection", 1983). A unit of work that is closed ends when all
//! that is in it has ended: an "and" wait.
//!
//! A call looks for circles of calls, as it begins. Circles in which a unit of work is closed are looked for
//! by the task that closes it, and only if that takes a while: to find out who is in a unit of work costs
//! more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::error::{Deadlock, WaitEdge};
use crate::sync::{lock, refusing};
use crate::waiting::inner::InnerDelivery;
use crate::waiting::node::{Closing, Holders, Node, Wait};

/// What the message of a wait is called that is for the end of a unit of work.
const CLOSE: &str = "Context::close";

impl Node {
    /// The node waits for this reply from now on.
    ///
    /// Waits are put in before the circle is looked for: of those that close one together, the last one sees
    /// all others.
    ///
    /// # Errors
    /// If it would wait for ever; then the reply is no longer expected.
    pub(crate) fn add(self: &Arc<Self>, wait: Wait) -> Result<(), Deadlock> {
        drop(self.push(&wait)); // What a reply holds is the user's.
        if !Arc::ptr_eq(&wait.handler, self) && wait.handler.is_free() {
            return Ok(());
        }
        match self.deadlock(&wait.inner, None, 0, |_| wait.reply.close()) {
            Some(deadlock) => Err(deadlock),
            None => Ok(()),
        }
    }

    /// The node waits for a reply that another one waited for. If it would wait for ever, its caller gets
    /// that instead of the reply.
    pub(crate) fn take_over(self: &Arc<Self>, wait: Wait) {
        drop(self.push(&wait)); // What a reply holds is the user's.
        if Arc::ptr_eq(&wait.handler, self) || !wait.handler.is_free() {
            let refuse = |deadlock: &Deadlock| wait.reply.refuse(deadlock.clone());
            self.deadlock(&wait.inner, None, 0, refuse);
        }
    }

    /// Looks again whether the node is stuck, if at least so many replies were waited for: one of several may
    /// have arrived, and what is left never will. Then the last of these is refused. A delivery within its
    /// task may be stuck alone.
    pub(crate) fn look_again(self: &Arc<Self>, at_least: usize) {
        if !self.is_inner() && self.count() < at_least {
            return;
        }
        let mut waits = self.last_waits().into_iter();
        let Some(last) = waits.next() else { return };
        let others = waits.filter(|wait| !wait.inner.is_empty() && wait.inner != last.inner);
        for wait in [last.clone()].into_iter().chain(others) {
            let refuse = |deadlock: &Deadlock| wait.reply.refuse(deadlock.clone());
            if !wait.handler.is_free()
                && let Some(_) = self.deadlock(&wait.inner, None, 0, refuse)
            {
                return;
            }
        }
    }

    /// It closes that no more; what is left of its waits may never end.
    pub(crate) fn end_closing(self: &Arc<Self>, closing: &Closing) {
        self.remove_closing(closing);
        self.look_again(1);
    }

    /// The circle of waits that the node is in, if there is no way out of it, or that one of these deliveries
    /// is in, which are polled within the task of the node: that may wait for other things besides. `refuse`
    /// is to open it, before any other node finds it. Without `holders`, the end of a unit of work counts as
    /// a way out.
    ///
    /// Only waits count that have answered the roll call of this number: a future that is held and not polled
    /// blocks no other.
    pub(crate) fn deadlock(
        self: &Arc<Self>,
        inner: &[InnerDelivery],
        holders: Option<Holders<'_>>,
        roll: u64,
        refuse: impl FnOnce(&Deadlock),
    ) -> Option<Deadlock> {
        loop {
            let graph = Graph::around(self, holders, roll);
            let cycle = graph.circle(self).or_else(|| {
                let nodes = graph.nodes.values().map(|seen| &seen.node);
                let mut inner = nodes.filter(|node| node.is_within(self, inner));
                inner.find_map(|node| graph.circle(node))
            })?;
            // Waits that were seen one after the other may never have been there together; but those that are
            // there still when all have been seen, were. These include what makes the other ways no ways out.
            let _refusing = lock(refusing());
            if graph.is_still_there(holders) {
                let deadlock = Deadlock { cycle };
                refuse(&deadlock);
                return Some(deadlock);
            }
        }
    }
}

/// The nodes that one may wait for, and what each of them waits for, as it was seen.
struct Graph {
    nodes: HashMap<u64, SeenNode>,
}

/// A wait of one node for another, in a circle.
#[derive(Clone)]
struct CircleStep {
    from: Arc<Node>,
    message: &'static str,
    to: Arc<Node>,
}

/// The waits of a circle, for reports. The line of a key waits for the handler that has the turn: that is no
/// wait of its own there, but says which key the handler is of.
fn edges(circle: &[CircleStep]) -> Vec<WaitEdge> {
    let mut before = circle.last();
    let mut edges = Vec::new();
    for step in circle {
        if !step.from.is_line() {
            let mut edge = step.from.edge(step.message, &step.to);
            let line = before.filter(|before| before.from.is_line());
            edge.module_key = line.and_then(|line| line.from.key_text());
            edges.push(edge);
        }
        before = Some(step);
    }
    edges
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
            if nodes.contains_key(&node.number()) {
                continue;
            }
            let seen = SeenNode::look(node, holders, roll);
            next.extend(seen.steps().map(|(_, to)| Arc::clone(to)));
            nodes.insert(seen.node.number(), seen);
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
                .map(|seen| seen.node.number())
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
        let is_left = |node: &Arc<Node>| self.nodes.contains_key(&node.number());
        let waits = seen.replies.len() + seen.closings.len();
        let are_replies_left = seen.replies.iter().all(|wait| is_left(&wait.handler));
        let mut closings = seen.closings.iter();
        waits > 0 && are_replies_left && closings.all(|(_, holders)| holders.iter().any(is_left))
    }

    /// The shortest circle through this node.
    fn circle(&self, start: &Arc<Node>) -> Option<Vec<WaitEdge>> {
        let mut seen = HashSet::new();
        let mut paths: VecDeque<(u64, Vec<CircleStep>)> =
            VecDeque::from([(start.number(), Vec::new())]);
        while let Some((last, path)) = paths.pop_front() {
            let Some(from) = self.nodes.get(&last) else {
                continue;
            };
            for (message, to) in from.steps() {
                let mut longer = path.clone();
                longer.push(CircleStep {
                    from: Arc::clone(&from.node),
                    message,
                    to: Arc::clone(to),
                });
                if to.number() == start.number() {
                    return Some(edges(&longer));
                }
                if seen.insert(to.number()) {
                    paths.push_back((to.number(), longer));
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

    /// The nodes that it waits for, each because of a message of this name.
    fn steps(&self) -> impl Iterator<Item = (&'static str, &Arc<Node>)> {
        let replies = self.replies.iter();
        let replies = replies.map(|wait| (wait.message, &wait.handler));
        let holders = self.closings.iter().flat_map(|(_, holders)| holders);
        replies.chain(holders.map(|holder| (CLOSE, holder)))
    }

    /// Whether something that is left keeps each unit of work from its end that it closes, as before.
    fn is_still_held(&self, left: &HashMap<u64, SeenNode>, holders: Option<Holders<'_>>) -> bool {
        let mut closings = self.closings.iter();
        closings.all(|(closing, seen)| {
            let is_seen = |holder: &Arc<Node>| seen.iter().any(|seen| Arc::ptr_eq(seen, holder));
            let now = holders.map_or_else(Vec::new, |holders| holders(closing.unit));
            now.iter()
                .any(|holder| left.contains_key(&holder.number()) && is_seen(holder))
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
