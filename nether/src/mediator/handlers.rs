//! [`Handlers`]: the modules that handle messages of one type. A changed copy shares nearly all of it with
//! the original, because a table is copied whenever a module comes or goes, and thousands may handle one
//! event.
//!
//! It is a B-tree by instance whose nodes are shared (J. R. Driscoll et al., "Making data structures
//! persistent", 1989). Up to [`MOST`] handlers are one list, which is all that most messages have.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::declaration::Declaration;

/// The number of a running module value: no two in a process have the same, also not in different systems.
pub(crate) type InstanceId = u64;

/// A number for a module value, higher than all before.
pub(crate) fn number_instance() -> InstanceId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Something of a type that `route` knows.
pub(crate) type Erased = Arc<dyn Any + Send + Sync>;

/// How many handlers or branches a node has at most.
const MOST: usize = 32;

/// One module that handles the messages of a row.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) instance: InstanceId,
    pub(crate) module: &'static Declaration,
    pub(crate) route: Erased,
}

/// The modules that handle messages of one type, in the order in which they were made.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    root: HandlerNode,
}

/// All leaves of a tree are equally deep, and no node below the root is empty.
#[derive(Clone)]
enum HandlerNode {
    Leaf(Vec<Handler>),
    Inner(Vec<Branch>),
}

#[derive(Clone)]
struct Branch {
    /// The first instance in it.
    first: InstanceId,
    /// How many handlers are in it.
    count: usize,
    node: Arc<HandlerNode>,
}

impl Handlers {
    /// One handler.
    #[cfg(feature = "test")]
    pub(crate) fn of(handler: Handler) -> Self {
        Handlers {
            root: HandlerNode::Leaf(vec![handler]),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.root.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The only handler of a command or query.
    #[inline]
    pub(crate) fn first(&self) -> Option<&Handler> {
        match &self.root {
            HandlerNode::Leaf(handlers) => handlers.first(),
            HandlerNode::Inner(_) => self.get(0),
        }
    }

    /// The handler with this place in the order.
    pub(crate) fn get(&self, mut index: usize) -> Option<&Handler> {
        let mut node = &self.root;
        loop {
            match node {
                HandlerNode::Leaf(handlers) => return handlers.get(index),
                HandlerNode::Inner(branches) => {
                    let branch = branches.iter().find(|branch| {
                        let is_in_it = index < branch.count;
                        if !is_in_it {
                            index -= branch.count;
                        }
                        is_in_it
                    });
                    node = &branch?.node;
                }
            }
        }
    }

    #[inline]
    pub(crate) fn iter(&self) -> Iter<'_> {
        let mut iter = Iter {
            leaf: [].iter(),
            above: Vec::new(),
        };
        match &self.root {
            HandlerNode::Leaf(handlers) => iter.leaf = handlers.iter(),
            HandlerNode::Inner(branches) => iter.above.push(branches.iter()),
        }
        iter
    }

    /// Adds the handler of an instance that has none here.
    pub(crate) fn insert(&mut self, handler: Handler) {
        if let Some(sibling) = self.root.insert(handler) {
            let root = std::mem::take(&mut self.root);
            self.root = HandlerNode::Inner(vec![root.into(), sibling.into()]);
        }
    }

    /// Removes the handler of an instance, if it has one.
    pub(crate) fn remove(&mut self, instance: InstanceId) {
        self.root.remove(instance);
        while let HandlerNode::Inner(branches) = &mut self.root
            && branches.len() < 2
        {
            let only = branches.pop();
            self.root = only.map_or_else(HandlerNode::default, |it| Arc::unwrap_or_clone(it.node));
        }
    }
}

impl HandlerNode {
    /// How many handlers it has.
    #[inline]
    fn len(&self) -> usize {
        match self {
            HandlerNode::Leaf(handlers) => handlers.len(),
            HandlerNode::Inner(branches) => branches.iter().map(|branch| branch.count).sum(),
        }
    }

    /// How many handlers or branches it has itself.
    fn width(&self) -> usize {
        match self {
            HandlerNode::Leaf(handlers) => handlers.len(),
            HandlerNode::Inner(branches) => branches.len(),
        }
    }

    /// Adds a handler. Gives back what no longer fits: a node that comes after this one.
    fn insert(&mut self, handler: Handler) -> Option<HandlerNode> {
        match self {
            HandlerNode::Leaf(handlers) => {
                let at = handlers.partition_point(|it| it.instance < handler.instance);
                handlers.insert(at, handler);
                split_off(handlers, at).map(HandlerNode::Leaf)
            }
            HandlerNode::Inner(branches) => {
                let at = branches.partition_point(|it| it.first <= handler.instance);
                let at = at.saturating_sub(1);
                let sibling = branches[at].change(|node| node.insert(handler))?;
                branches.insert(at + 1, sibling.into());
                split_off(branches, at + 1).map(HandlerNode::Inner)
            }
        }
    }

    /// Removes the handler of an instance. What is left of two neighbours that are small is joined.
    fn remove(&mut self, instance: InstanceId) {
        match self {
            HandlerNode::Leaf(handlers) => {
                let found = handlers.binary_search_by_key(&instance, |it| it.instance);
                if let Ok(at) = found {
                    handlers.remove(at);
                }
            }
            HandlerNode::Inner(branches) => {
                let after = branches.partition_point(|it| it.first <= instance);
                let Some(at) = after.checked_sub(1) else {
                    return;
                };
                branches[at].change(|node| node.remove(instance));
                if branches[at].count == 0 {
                    branches.remove(at);
                } else {
                    join(branches, at);
                    join(branches, at.wrapping_sub(1));
                }
            }
        }
    }

    /// Adds what another node of this depth has, which comes after this one.
    fn append(&mut self, next: HandlerNode) {
        match (self, next) {
            (HandlerNode::Leaf(handlers), HandlerNode::Leaf(next)) => handlers.extend(next),
            (HandlerNode::Inner(branches), HandlerNode::Inner(next)) => branches.extend(next),
            _ => unreachable!("all leaves are equally deep"),
        }
    }

    fn first(&self) -> Option<InstanceId> {
        match self {
            HandlerNode::Leaf(handlers) => handlers.first().map(|handler| handler.instance),
            HandlerNode::Inner(branches) => branches.first().map(|branch| branch.first),
        }
    }
}

impl Default for HandlerNode {
    fn default() -> Self {
        HandlerNode::Leaf(Vec::new())
    }
}

impl Branch {
    /// Changes its node, a copy of it if others share it.
    fn change<T>(&mut self, change: impl FnOnce(&mut HandlerNode) -> T) -> T {
        let node = Arc::make_mut(&mut self.node);
        let changed = change(node);
        self.count = node.len();
        self.first = node.first().unwrap_or(self.first);
        changed
    }
}

impl From<HandlerNode> for Branch {
    fn from(node: HandlerNode) -> Self {
        Branch {
            first: node.first().unwrap_or_default(),
            count: node.len(),
            node: Arc::new(node),
        }
    }
}

/// Takes a part out of a list that has become too long by what was added at `at`. Modules mostly come last:
/// then the list stays full.
fn split_off<T>(list: &mut Vec<T>, at: usize) -> Option<Vec<T>> {
    let middle = if at == MOST { MOST } else { list.len() / 2 };
    (list.len() > MOST).then(|| list.split_off(middle))
}

/// Joins the branch at `at` with the next one, if both are there and small: so the number of nodes falls with
/// that of handlers.
fn join(branches: &mut Vec<Branch>, at: usize) {
    let (Some(branch), Some(next)) = (branches.get(at), branches.get(at.wrapping_add(1))) else {
        return;
    };
    if branch.node.width() + next.node.width() <= MOST / 2 {
        let next = branches.remove(at + 1);
        branches[at].change(|node| node.append(Arc::unwrap_or_clone(next.node)));
    }
}

/// The handlers of a row, in their order.
pub(crate) struct Iter<'a> {
    leaf: slice::Iter<'a, Handler>,
    /// What comes after the leaf, the nearest last.
    above: Vec<slice::Iter<'a, Branch>>,
}

impl<'a> Iter<'a> {
    /// Goes to the next leaf; `None` if there is none.
    #[cold]
    fn next_leaf(&mut self) -> Option<()> {
        loop {
            let Some(branch) = self.above.last_mut()?.next() else {
                self.above.pop();
                continue;
            };
            match &*branch.node {
                HandlerNode::Inner(branches) => self.above.push(branches.iter()),
                HandlerNode::Leaf(handlers) => {
                    self.leaf = handlers.iter();
                    return Some(());
                }
            }
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Handler;

    #[inline]
    fn next(&mut self) -> Option<&'a Handler> {
        loop {
            if let Some(handler) = self.leaf.next() {
                return Some(handler);
            }
            if self.above.is_empty() {
                return None;
            }
            self.next_leaf()?;
        }
    }
}

impl<'a> IntoIterator for &'a Handlers {
    type Item = &'a Handler;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
