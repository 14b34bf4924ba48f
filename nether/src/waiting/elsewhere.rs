//! What whoever is being polled waits for that a unit of work does not know of, for the closing of that: with
//! a context of another, or with a clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use crate::scope::{Blockers, WaitElsewhere, last_roll};
use crate::sync::{Mutex, lock};
use crate::waiting::graph::{Node, Wait};
use crate::waiting::{Waiter, holding_nodes};

/// A wait for the reply to a message.
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
    }

    fn answered(&self) -> u64 {
        self.wait.reply.last_roll()
    }

    fn blockers(&self) -> Blockers {
        Blockers {
            modules: vec![self.wait.handler.number()],
            waits: Node::waits_by_number([Arc::clone(&self.wait.handler)]),
        }
    }

    fn words(&self) -> String {
        format!("the reply to `{}`", self.wait.message)
    }
}

/// A wait for the end of the unit of work that has this address.
#[derive(Debug)]
pub(super) struct EndWait {
    unit: usize,
    is_over: AtomicBool,
    last_roll: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl EndWait {
    pub(super) fn new(unit: usize) -> Arc<Self> {
        Arc::new(EndWait {
            unit,
            is_over: AtomicBool::new(false),
            last_roll: AtomicU64::new(0),
            waker: Mutex::default(),
        })
    }

    /// Its future was polled, and is not over.
    pub(super) fn note_polled(&self, waker: &Waker) {
        self.last_roll.store(last_roll(), Ordering::SeqCst);
        let old = lock(&self.waker).replace(waker.clone());
        drop(old); // What a waker holds is the user's.
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
        let waker = lock(&self.waker).clone();
        waker.into_iter().for_each(Waker::wake);
    }

    fn answered(&self) -> u64 {
        self.last_roll.load(Ordering::SeqCst)
    }

    fn blockers(&self) -> Blockers {
        let holders = holding_nodes(self.unit);
        Blockers {
            modules: holders.iter().map(|holder| holder.number()).collect(),
            waits: Node::waits_by_number(holders),
        }
    }

    fn words(&self) -> String {
        "the end of another context".to_owned()
    }
}

impl Waiter {
    /// What it waits for in other units of work than the one that has this address.
    pub(super) fn waits_elsewhere(&self, unit: usize) -> Vec<Arc<dyn WaitElsewhere>> {
        let ends = lock(&self.ends).clone();
        let ends = ends.into_iter().filter(|end| end.unit != unit);
        let replies = self.node.replies_unknown_to(unit).into_iter();
        let replies = replies.map(|wait| {
            let this = Arc::clone(&self.node);
            Arc::new(ReplyElsewhere { this, wait }) as Arc<dyn WaitElsewhere>
        });
        replies.chain(ends.map(|end| end as _)).collect()
    }
}
