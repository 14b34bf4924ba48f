//! The wait-for graph: of calls that close a circle together exactly one is refused, and no other ever is.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no holder panics")
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
    use crate::error::Deadlock;

    pub(crate) trait ExpectedReply: Send + Sync {
        fn is_open(&self) -> bool;
        fn wake(&self);
        fn last_roll(&self) -> u64;
        fn owner(&self) -> u64;
        fn set_owner(&self, module: u64);
        fn close(&self);
        fn refuse(&self, deadlock: Deadlock);
    }
}

#[path = "../../../nether/src/error/deadlock.rs"]
mod deadlock;
#[path = "../../../nether/src/escaped.rs"]
mod escaped;

mod error {
    pub(crate) use crate::deadlock::{Deadlock, WaitEdge};
}

/// Roll calls are not tried out here.
#[allow(dead_code)]
mod scope {
    pub(crate) struct BlockerWait {
        pub(crate) others: Vec<u64>,
        pub(crate) answered: u64,
        pub(crate) began: u64,
    }

    pub(crate) fn last_roll() -> u64 {
        0
    }
}

#[allow(dead_code)]
#[path = "../../../nether/src/waiting"]
mod waiting {
    pub(crate) mod graph;
    pub(crate) mod inner;
    pub(crate) mod node;
    pub(crate) mod polled;
}

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::thread;

use crate::declaration::Declaration;
use crate::envelope::ExpectedReply;
use crate::error::Deadlock;
use crate::waiting::node::{Node, Wait};

/// A reply cell: open, until a handler replies or no caller expects it.
struct ReplyCell {
    is_open: AtomicBool,
    /// No other thread changes it while a module looks: to try out when it is read would only take time.
    owner: std::sync::atomic::AtomicU64,
    is_refused: AtomicBool,
}

impl ReplyCell {
    fn new() -> Arc<Self> {
        Arc::new(ReplyCell {
            is_open: AtomicBool::new(true),
            owner: std::sync::atomic::AtomicU64::new(0),
            is_refused: AtomicBool::new(false),
        })
    }
}

impl ExpectedReply for ReplyCell {
    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::SeqCst)
    }

    fn wake(&self) {}

    fn last_roll(&self) -> u64 {
        0
    }

    fn owner(&self) -> u64 {
        self.owner.load(Ordering::SeqCst)
    }

    fn set_owner(&self, module: u64) {
        self.owner.store(module, Ordering::SeqCst);
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
    }

    fn refuse(&self, _: Deadlock) {
        self.is_refused.store(true, Ordering::SeqCst);
        self.close();
    }
}

static A: Declaration = Declaration { name: "A" };
static B: Declaration = Declaration { name: "B" };
static C: Declaration = Declaration { name: "C" };

/// The address of a unit of work.
const UNIT: usize = 7;

/// Finds the one module that keeps the unit of work from its end, for as long as it does.
fn holders(one: &Arc<Node>, is_held: &Arc<AtomicBool>) -> impl Fn(usize) -> Vec<Arc<Node>> + use<> {
    let (one, is_held) = (Arc::clone(one), Arc::clone(is_held));
    move |unit| {
        assert_eq!(unit, UNIT);
        let is_held = is_held.load(Ordering::SeqCst);
        is_held.then(|| Arc::clone(&one)).into_iter().collect()
    }
}

/// A module calls another. Whether it may.
fn call(from: &Arc<Node>, to: &Arc<Node>, reply: &Arc<ReplyCell>) -> bool {
    let wait = Wait {
        message: "Ask",
        handler: Arc::clone(to),
        reply: Arc::clone(reply) as _,
        unit: 0,
        parents: Vec::new(),
        is_known: true,
        began: 0,
        inner: Vec::new(),
    };
    from.add(wait).is_ok()
}

/// More interleavings than can all be tried out: as many as find what needs three changes of threads with
/// near certainty (PCT: S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of
/// finding bugs", 2010).
fn in_many_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_pct(model, 20_000, 3);
}

#[test]
fn of_two_that_call_each_other_one_is_refused() {
    in_many_interleavings(|| {
        let (a, b) = (Node::new(&A, None, 1), Node::new(&B, None, 2));
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
    let three_call = || {
        let nodes = [
            Node::new(&A, None, 1),
            Node::new(&B, None, 2),
            Node::new(&C, None, 3),
        ];
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
    in_many_interleavings(three_call);
}

/// Each wait is over before the next begins, so that there never is a circle, though all of its edges are
/// there once: A waits for B, which replies and then waits for C, which replies and then waits for A.
#[test]
fn a_circle_that_never_was_is_not_seen() {
    in_many_interleavings(|| {
        let (a, b, c) = (
            Node::new(&A, None, 1),
            Node::new(&B, None, 2),
            Node::new(&C, None, 3),
        );
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
        // C is not asked yet, or replies at once; then it waits for A, which nothing keeps from
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

/// A waits for B and for C at once, and B for A: while C may still reply, there is a way out; when it has,
/// there is none, and A gets an error when it goes back to sleep.
#[test]
fn of_two_replies_one_is_a_way_out_until_it_has_arrived() {
    in_many_interleavings(|| {
        let (a, b, c) = (
            Node::new(&A, None, 1),
            Node::new(&B, None, 2),
            Node::new(&C, None, 3),
        );
        let (to_b, to_c) = (ReplyCell::new(), ReplyCell::new());
        assert!(call(&a, &c, &to_c));
        assert!(call(&a, &b, &to_b));
        let c_replies = {
            let (a, to_c) = (Arc::clone(&a), Arc::clone(&to_c));
            thread::spawn(move || {
                to_c.close();
                a.look_again(2); // It was woken, and still waits for B.
            })
        };
        let from_b = ReplyCell::new();
        let accepted = call(&b, &a, &from_b);
        c_replies.join().expect("it does not panic");
        let is_given_up = to_b.is_refused.load(Ordering::SeqCst);
        // Either B is refused, or it waits and A gets an error: the circle is opened once.
        assert_eq!(accepted, is_given_up);
        [a, b, c].iter().for_each(|node| node.forget());
    });
}

/// A gives up a command that goes on elsewhere, where it waits for B: A does not.
#[test]
fn a_wait_that_goes_on_elsewhere_is_none_of_the_module() {
    let calls_back = || {
        let (a, b) = (Node::new(&A, None, 1), Node::new(&B, None, 2));
        let to_b = ReplyCell::new();
        assert!(call(&a, &b, &to_b));
        to_b.set_owner(0);
        let from_b = thread::spawn({
            let (a, b) = (Arc::clone(&a), Arc::clone(&b));
            move || call(&b, &a, &ReplyCell::new())
        });
        assert!(from_b.join().expect("it does not panic"));
        a.forget();
        b.forget();
    };
    shuttle::check_dfs(calls_back, None);
}

/// A closes a unit of work of which B handles a message. B ends that, and then waits for A on behalf of
/// another unit of work: A gets no error of a circle, since there never was one.
#[test]
fn a_close_that_waits_for_what_ends_is_in_no_circle() {
    in_many_interleavings(|| {
        let (a, b) = (Node::new(&A, None, 1), Node::new(&B, None, 2));
        let is_held = Arc::new(AtomicBool::new(true));
        let closing = a.begin_closing(UNIT);
        let b_goes_on = {
            let (a, b, is_held) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&is_held));
            thread::spawn(move || {
                is_held.store(false, Ordering::SeqCst);
                call(&b, &a, &ReplyCell::new())
            })
        };
        let holders = holders(&b, &is_held);
        assert!(a.deadlock(&[], Some(&holders), 0, |_| ()).is_none());
        assert!(b_goes_on.join().expect("it does not panic"));
        a.end_closing(&closing);
        [a, b].iter().for_each(|node| node.forget());
    });
}

/// B waits for A in the unit of work that A closes, and for C at once: A gets an error once C has replied,
/// and not before.
#[test]
fn a_close_that_waits_for_a_call_of_its_closer_fails_when_there_is_no_way_out() {
    in_many_interleavings(|| {
        let (a, b, c) = (
            Node::new(&A, None, 1),
            Node::new(&B, None, 2),
            Node::new(&C, None, 3),
        );
        let is_held = Arc::new(AtomicBool::new(true));
        let closing = a.begin_closing(UNIT);
        let (to_a, to_c) = (ReplyCell::new(), ReplyCell::new());
        assert!(call(&b, &c, &to_c));
        assert!(call(&b, &a, &to_a), "who closes looks for that");
        let c_replies = {
            let to_c = Arc::clone(&to_c);
            thread::spawn(move || to_c.close())
        };
        let holders = holders(&b, &is_held);
        if a.deadlock(&[], Some(&holders), 0, |_| ()).is_some() {
            assert!(!to_c.is_open());
        }
        c_replies.join().expect("it does not panic");
        assert!(a.deadlock(&[], Some(&holders), 0, |_| ()).is_some());
        a.end_closing(&closing);
        [a, b, c].iter().for_each(|node| node.forget());
    });
}
