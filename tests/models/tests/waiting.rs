//! The wait-for graph: of calls that close a circle together exactly one is refused, and no other ever is.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("nobody panics with it")
    }

    pub(crate) fn refusing() -> &'static Mutex<()> {
        // Made anew for each interleaving.
        shuttle::lazy_static! {
            static ref REFUSING: Mutex<()> = Mutex::new(());
        }
        &REFUSING
    }
}

mod declaration {
    #[derive(Debug)]
    pub(crate) struct Declaration {
        pub(crate) name: &'static str,
    }
}

mod envelope {
    pub(crate) trait ExpectedReply: Send + Sync {
        fn is_open(&self) -> bool;
        fn close(&self);
    }
}

#[path = "../../../nether/src/error/deadlock.rs"]
mod deadlock;

mod error {
    pub(crate) use crate::deadlock::{Deadlock, WaitEdge};
}

#[allow(dead_code)]
#[path = "../../../nether/src/waiting/graph.rs"]
mod graph;

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::graph::{Node, Wait};

/// A reply cell: open, until somebody replies or nobody expects it.
struct ReplyCell(AtomicBool);

impl ReplyCell {
    fn new() -> Arc<Self> {
        Arc::new(ReplyCell(AtomicBool::new(true)))
    }
}

impl ExpectedReply for ReplyCell {
    fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn close(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

static A: Declaration = Declaration { name: "A" };
static B: Declaration = Declaration { name: "B" };
static C: Declaration = Declaration { name: "C" };

/// A module calls another. Whether it may.
fn call(from: &Arc<Node>, to: &Arc<Node>, reply: &Arc<ReplyCell>) -> bool {
    let wait = Wait {
        message: "Ask",
        handler: Arc::clone(to),
        reply: Arc::clone(reply) as _,
    };
    from.add(wait).is_ok()
}

/// Tries out every order in which the threads may take their steps.
fn in_all_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(model, None);
}

#[test]
fn of_two_that_call_each_other_one_is_refused() {
    in_all_interleavings(|| {
        let (a, b) = (Node::new(&A), Node::new(&B));
        let other = {
            let (a, b) = (Arc::clone(&a), Arc::clone(&b));
            thread::spawn(move || call(&b, &a, &ReplyCell::new()))
        };
        let one = call(&a, &b, &ReplyCell::new());
        let other = other.join().expect("it does not panic");
        assert!(one != other, "exactly one: {one} {other}");
        a.forget();
        b.forget();
    });
}

#[test]
fn of_three_that_call_each_other_one_is_refused() {
    // Too many interleavings for all of them: as many as find what needs three changes of threads with near
    // certainty (PCT: S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding
    // bugs", 2010).
    let three_call = || {
        let nodes = [Node::new(&A), Node::new(&B), Node::new(&C)];
        let call_next = |index: usize| {
            let (from, to) = (
                Arc::clone(&nodes[index]),
                Arc::clone(&nodes[(index + 1) % 3]),
            );
            move || call(&from, &to, &ReplyCell::new())
        };
        let (second, third) = (thread::spawn(call_next(1)), thread::spawn(call_next(2)));
        let first = call_next(0)();
        let calls = [
            first,
            second.join().expect("sound"),
            third.join().expect("sound"),
        ];
        let refused = calls.iter().filter(|accepted| !**accepted).count();
        assert_eq!(refused, 1, "{calls:?}");
        nodes.iter().for_each(|node| node.forget());
    };
    shuttle::check_pct(three_call, 20_000, 3);
}

/// Each wait is over before the next begins, so that there never is a circle, though all of its edges are
/// there once: A waits for B, which replies and then waits for C, which replies and then waits for A.
#[test]
fn a_circle_that_never_was_is_not_seen() {
    in_all_interleavings(|| {
        let (a, b, c) = (Node::new(&A), Node::new(&B), Node::new(&C));
        let (to_b, to_c) = (ReplyCell::new(), ReplyCell::new());
        assert!(call(&a, &b, &to_b));
        let b_goes_on = {
            let (b, c) = (Arc::clone(&b), Arc::clone(&c));
            let (to_b, to_c) = (Arc::clone(&to_b), Arc::clone(&to_c));
            thread::spawn(move || {
                to_b.close();
                call(&b, &c, &to_c)
            })
        };
        // C is asked by nobody yet, or replies at once; then it waits for A, which nobody keeps from
        // answering.
        to_c.close();
        assert!(
            call(&c, &a, &ReplyCell::new()),
            "A waits for nobody who waits for C"
        );
        assert!(b_goes_on.join().expect("it does not panic"));
        [a, b, c].iter().for_each(|node| node.forget());
    });
}
