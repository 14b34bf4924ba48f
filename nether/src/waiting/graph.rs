//! [`Node`]: the wait-for graph. There is no graph as such: each module knows what it waits for, under a lock
//! of its own. A wait is over once its reply cell is no longer open, which the handler sees to before it
//! takes its next message, or once the module's task does not poll for it any more. Its interleavings are
//! tried out in `tests/models`.
//!
//! A module that waits for several replies at once goes on when the first of them arrives (`select!`), or may
//! do so (`join!`). So it is stuck only if all that it waits for is: these are "or" waits (K. M. Chandy, J.
//! Misra, L. M. Haas, "Distributed deadlock detection", 1983).

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::{Deadlock, WaitEdge};
use crate::sync::{Mutex, lock, refusing};

/// How many waits a module keeps before those that are over are removed for the first time.
const FEW: usize = 8;

/// An exclusive module, and what it waits for.
pub(crate) struct Node {
    module: &'static Declaration,
    /// No two nodes of a process have the same; none has 0.
    number: u64,
    waits: Mutex<Waits>,
    /// How many waits there are, some of which may be over.
    open: AtomicUsize,
}

#[derive(Default)]
struct Waits {
    list: Vec<Wait>,
    /// How many waits there are when those that are over are removed.
    many: usize,
    /// The address of the unit of work that it closes, if it closes one.
    closing: Option<usize>,
}

/// That a module waits for the reply to a message.
#[derive(Clone)]
pub(crate) struct Wait {
    pub(crate) message: &'static str,
    pub(crate) handler: Arc<Node>,
    pub(crate) reply: Arc<dyn ExpectedReply>,
    /// The address of the unit of work that the message belongs to.
    pub(crate) unit: usize,
    /// The addresses of those that it is nested in.
    pub(crate) parents: Vec<usize>,
}

/// Finds the modules that hold messages of a unit of work, by the address of that.
pub(crate) type Holders<'a> = &'a dyn Fn(usize) -> Vec<Arc<Node>>;

/// What the message of a wait is called that is for the end of a unit of work.
const CLOSE: &str = "Context::close";

impl Node {
    pub(crate) fn new(module: &'static Declaration, number: u64) -> Arc<Self> {
        Arc::new(Node {
            module,
            number,
            waits: Mutex::default(),
            open: AtomicUsize::new(0),
        })
    }

    /// The module waits for nothing any more. To be called when it is gone, since two may know of each other.
    pub(crate) fn forget(&self) {
        drop(std::mem::take(&mut *lock(&self.waits)));
    }

    /// What the module waits for.
    pub(crate) fn waits(&self) -> Vec<WaitEdge> {
        self.open_waits()
            .iter()
            .map(|wait| self.edge(wait))
            .collect()
    }

    /// Whether it waits for something in the unit of work that has this address.
    pub(crate) fn waits_within(&self, unit: usize) -> bool {
        self.open_waits()
            .iter()
            .any(|wait| wait.unit == unit || wait.parents.contains(&unit))
    }

    fn is_over(&self, wait: &Wait) -> bool {
        !wait.reply.is_open() || wait.reply.owner() != self.number
    }

    fn open_waits(&self) -> Vec<Wait> {
        let waits = lock(&self.waits);
        let open = waits.list.iter().filter(|wait| !self.is_over(wait));
        open.cloned().collect()
    }

    fn edge(&self, wait: &Wait) -> WaitEdge {
        WaitEdge {
            module: self.module.name,
            message: wait.message,
            handler: wait.handler.module.name,
        }
    }

    /// The module waits for this from now on.
    ///
    /// Waits are put in before the circle is looked for: of those that close one together, the last one sees
    /// all others.
    ///
    /// # Errors
    /// If it would wait for ever; then the reply is no longer expected.
    pub(crate) fn add(self: &Arc<Self>, wait: Wait, holders: Holders<'_>) -> Result<(), Deadlock> {
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
        match self.deadlock(holders, |_| wait.reply.close()) {
            Some(deadlock) => Err(deadlock),
            None => Ok(()),
        }
    }

    /// Whether it waits for the module of this number, directly or through others.
    pub(crate) fn reaches(&self, number: u64) -> bool {
        let (mut seen, mut next) = (HashSet::new(), self.open_waits());
        while let Some(wait) = next.pop() {
            if wait.handler.number == number {
                return true;
            }
            if seen.insert(wait.handler.number) {
                next.extend(wait.handler.open_waits());
            }
        }
        false
    }

    /// Whether it waits for nothing.
    fn is_free(&self) -> bool {
        let waits = lock(&self.waits);
        waits.closing.is_none() && waits.list.iter().all(|wait| self.is_over(wait))
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

    /// Looks again whether the module is stuck: one of several replies may have arrived, and what is left
    /// never will; or the module `has_taken` messages, for which whoever closes their unit of work waits.
    /// Then the last reply that it waits for is refused.
    pub(crate) fn look_again(self: &Arc<Self>, has_taken: bool, holders: Holders<'_>) {
        let few = if has_taken { 1 } else { 2 };
        if self.open.load(Ordering::SeqCst) < few {
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
        self.deadlock(holders, |deadlock| last.reply.refuse(deadlock.clone()));
    }

    /// The module closes a unit of work, until [`end_closing`](Node::end_closing).
    pub(crate) fn begin_closing(&self, unit: usize) {
        lock(&self.waits).closing = Some(unit);
    }

    pub(crate) fn end_closing(&self) {
        lock(&self.waits).closing = None;
    }

    /// The circle of waits that the module is in, if there is no way out of it; `refuse` is to open it,
    /// before any other module finds it.
    pub(crate) fn deadlock(
        self: &Arc<Self>,
        holders: Holders<'_>,
        refuse: impl FnOnce(&Deadlock),
    ) -> Option<Deadlock> {
        loop {
            let circle = Graph::around(self, holders).circle(self)?;
            // What was seen one after the other may never have been there together; but what is there still
            // when all has been seen, was.
            let _refusing = lock(refusing());
            if circle.iter().all(SeenWait::is_there) {
                let cycle = circle.iter().map(|step| step.edge).collect();
                let deadlock = Deadlock { cycle };
                refuse(&deadlock);
                return Some(deadlock);
            }
        }
    }
}

/// The modules that one may wait for, and what each of them waits for, as it was seen.
struct Graph {
    nodes: HashMap<u64, (Arc<Node>, Vec<SeenWait>)>,
}

/// A wait that was seen.
#[derive(Clone)]
struct SeenWait {
    edge: WaitEdge,
    to: Arc<Node>,
    /// `None` for the end of a unit of work.
    wait: Option<(Arc<Node>, Wait)>,
}

impl SeenWait {
    fn is_there(&self) -> bool {
        let wait = self.wait.as_ref();
        wait.is_none_or(|(node, wait)| !node.is_over(wait))
    }
}

impl Graph {
    fn around(start: &Arc<Node>, holders: Holders<'_>) -> Self {
        let mut nodes = HashMap::new();
        let mut next = vec![Arc::clone(start)];
        while let Some(node) = next.pop() {
            if nodes.contains_key(&node.number) {
                continue;
            }
            let steps = steps(&node, holders);
            next.extend(steps.iter().map(|step| Arc::clone(&step.to)));
            nodes.insert(node.number, (node, steps));
        }
        let mut graph = Graph { nodes };
        graph.remove_ways_out();
        graph
    }

    /// Removes the modules that can go on: those that wait for nothing, and those that wait for one that can
    /// go on.
    fn remove_ways_out(&mut self) {
        loop {
            let can_go_on = |(node, steps): &(Arc<Node>, Vec<SeenWait>)| {
                let is_left = |step: &SeenWait| self.nodes.contains_key(&step.to.number);
                let (ends, replies): (Vec<&SeenWait>, Vec<&SeenWait>) =
                    steps.iter().partition(|step| step.wait.is_none());
                // The end of a unit of work is the end of all that is in it.
                let is_stuck = (!replies.is_empty() && replies.iter().all(|step| is_left(step)))
                    || (replies.is_empty() && ends.iter().any(|step| is_left(step)));
                (!is_stuck).then_some(node.number)
            };
            let free: HashSet<u64> = self.nodes.values().filter_map(can_go_on).collect();
            if free.is_empty() {
                return;
            }
            self.nodes.retain(|number, _| !free.contains(number));
        }
    }

    /// The shortest circle through this module.
    fn circle(&self, start: &Arc<Node>) -> Option<Vec<SeenWait>> {
        let mut seen = HashSet::new();
        let mut paths: VecDeque<Vec<SeenWait>> = VecDeque::from([Vec::new()]);
        while let Some(path) = paths.pop_front() {
            let last = path
                .last()
                .map_or(start.number, |step: &SeenWait| step.to.number);
            let Some((_, steps)) = self.nodes.get(&last) else {
                continue;
            };
            for step in steps {
                let mut longer = path.clone();
                longer.push(step.clone());
                if step.to.number == start.number {
                    return Some(longer);
                }
                if seen.insert(step.to.number) {
                    paths.push_back(longer);
                }
            }
        }
        None
    }
}

/// What a module waits for.
fn steps(node: &Arc<Node>, holders: Holders<'_>) -> Vec<SeenWait> {
    let (open, closing) = {
        let waits = lock(&node.waits);
        let open = waits.list.iter().filter(|wait| !node.is_over(wait));
        (open.cloned().collect::<Vec<_>>(), waits.closing)
    };
    let waits = open.into_iter().map(|wait| SeenWait {
        edge: node.edge(&wait),
        to: Arc::clone(&wait.handler),
        wait: Some((Arc::clone(node), wait)),
    });
    let mut steps: Vec<SeenWait> = waits.collect();
    let holders = closing.map_or_else(Vec::new, holders);
    steps.extend(holders.into_iter().map(|holder| SeenWait {
        edge: WaitEdge {
            module: node.module.name,
            message: CLOSE,
            handler: holder.module.name,
        },
        to: holder,
        wait: None,
    }));
    steps
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("module", &self.module.name)
            .finish_non_exhaustive()
    }
}
