//! What closing knows of those who wait: it never takes a handler that has an item in its hand, or is about
//! to push one, for one that waits; and when all wait, it finds that.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("it is never poisoned")
    }
}

/// The part of a channel that closing looks at.
mod channel {
    pub(crate) trait AnyChannel: Send + Sync {
        fn is_drained(&self) -> bool;
        fn has_ended(&self) -> bool;
        fn is_full(&self) -> bool;
        fn notify(&self);
        fn describe(&self) -> String;
    }
}

mod behind;

#[allow(dead_code, unused_imports)]
#[path = "../../../../nether/src/scope/ledger/mod.rs"]
mod ledger;

use std::sync::Arc;
use std::task::Waker;

use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use shuttle::thread;

use crate::channel::AnyChannel;
use crate::ledger::{DeliveryKey, Finding, Ledger, Look, ParkedIn, PendingReply, Queued, WaitKind};

/// A stream, as the number of the items in it, and how often closing has looked at it.
struct Stream(AtomicU64, AtomicU64);

impl Stream {
    fn new(items: u64) -> Arc<Self> {
        Arc::new(Stream(AtomicU64::new(items), AtomicU64::new(0)))
    }
}

impl AnyChannel for Stream {
    fn is_drained(&self) -> bool {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.load(Ordering::SeqCst) == 0
    }

    fn has_ended(&self) -> bool {
        false
    }

    fn is_full(&self) -> bool {
        false
    }

    fn notify(&self) {}

    fn describe(&self) -> String {
        "the stream".into()
    }
}

/// A unit of work that closes, with two deliveries in flight: one pushes an item and is done, the other takes
/// items and works on them.
struct Unit {
    ledger: Ledger,
    stream: Arc<Stream>,
    in_flight: AtomicU64,
    has_item: AtomicBool,
}

/// Looks at what is in flight, without anything ahead.
fn look(ledger: &Ledger, in_flight: impl FnOnce() -> u64) -> Finding {
    ledger.look(&narrow(), in_flight)
}

fn narrow() -> Look<'static> {
    Look {
        unit: 0,
        is_due: false,
        ahead: &|_| Vec::new(),
    }
}

const CONSUMER: DeliveryKey = DeliveryKey {
    sequence: 1,
    place: 0,
};

impl Unit {
    fn new() -> Arc<Self> {
        Arc::new(Unit {
            ledger: Ledger::default(),
            stream: Stream::new(0),
            in_flight: AtomicU64::new(2),
            has_item: AtomicBool::new(false),
        })
    }

    fn push_and_finish(&self) {
        self.stream.0.fetch_add(1, Ordering::SeqCst);
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    /// Polls for an item so often, and works on those that it gets.
    fn consume(&self, polls: u32) {
        let mut waiting: Option<u64> = None;
        for _ in 0..polls {
            self.ledger.unpark(CONSUMER);
            let taken = self.stream.0.load(Ordering::SeqCst) > 0;
            if taken {
                self.stream.0.fetch_sub(1, Ordering::SeqCst);
                self.has_item.store(true, Ordering::SeqCst);
                waiting
                    .take()
                    .into_iter()
                    .for_each(|id| self.ledger.end(CONSUMER, id));
                self.has_item.store(false, Ordering::SeqCst); // It has pushed it on.
            }
            match waiting {
                Some(id) => self.ledger.answer(CONSUMER, id),
                None => {
                    let stream = Arc::clone(&self.stream) as Arc<dyn AnyChannel>;
                    waiting = Some(self.ledger.begin(CONSUMER, WaitKind::Item(stream)));
                }
            }
            self.ledger
                .park(CONSUMER, "Take", (ParkedIn::Task, Vec::new()));
        }
    }

    /// Its handler is polled, and polls the wait, if any, or none.
    fn poll(&self, wait: Option<u64>) {
        self.ledger.unpark(CONSUMER);
        if let Some(id) = wait {
            self.ledger.answer(CONSUMER, id);
        }
        self.ledger
            .park(CONSUMER, "Take", (ParkedIn::Task, Vec::new()));
    }

    fn look(&self) -> Finding {
        look(&self.ledger, || self.in_flight.load(Ordering::SeqCst))
    }

    /// The same after a pause.
    fn look_when_due(&self) -> Finding {
        let look = Look {
            is_due: true,
            ..narrow()
        };
        self.ledger
            .look(&look, || self.in_flight.load(Ordering::SeqCst))
    }
}

/// More interleavings than can all be tried out: as many as find what needs three changes of threads with
/// near certainty (PCT: S. Burckhardt et al., "A randomized scheduler with probabilistic guarantees of
/// finding bugs", 2010).
fn in_many_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_pct(model, 20_000, 3);
}

#[test]
fn a_consumer_with_an_item_in_its_hand_does_not_wait() {
    in_many_interleavings(|| {
        let unit = Unit::new();
        let (pusher, consumer) = (Arc::clone(&unit), Arc::clone(&unit));
        let pushed = thread::spawn(move || pusher.push_and_finish());
        let consumed = thread::spawn(move || consumer.consume(4));
        for _ in 0..4 {
            if let Finding::Stuck(_) = unit.look() {
                assert!(!unit.has_item.load(Ordering::SeqCst));
                assert!(unit.stream.is_drained());
                assert_eq!(unit.in_flight.load(Ordering::SeqCst), 1);
            }
        }
        pushed.join().expect("it does not panic");
        consumed.join().expect("it does not panic");
    });
}

#[test]
fn once_all_wait_closing_finds_it_after_a_roll_call() {
    in_many_interleavings(|| {
        let unit = Unit::new();
        let (pusher, consumer) = (Arc::clone(&unit), Arc::clone(&unit));
        let pushed = thread::spawn(move || pusher.push_and_finish());
        let consumed = thread::spawn(move || {
            consumer.consume(2);
            consumer
        });
        pushed.join().expect("it does not panic");
        let consumer = consumed.join().expect("it does not panic");
        consumer.consume(1); // It takes the item, if it has not.
        assert!(matches!(unit.look(), Finding::RollCalled));
        assert!(
            matches!(unit.look(), Finding::RollCalled),
            "the consumer has not answered"
        );
    });
}

/// It waited once, and its handler has gone on to something else: it does not answer.
#[test]
fn a_wait_that_is_not_polled_any_more_does_not_count() {
    let handler_works_on = || {
        let unit = Unit::new();
        unit.in_flight.store(1, Ordering::SeqCst);
        let stream = Arc::clone(&unit.stream) as Arc<dyn AnyChannel>;
        let id = unit.ledger.begin(CONSUMER, WaitKind::Item(stream));
        unit.ledger
            .park(CONSUMER, "Take", (ParkedIn::Task, Vec::new()));
        assert!(matches!(unit.look(), Finding::RollCalled));
        unit.poll(None);
        assert!(matches!(unit.look(), Finding::GoesOn));
        for _ in 0..3 {
            unit.poll(None);
            assert!(matches!(unit.look(), Finding::AsBefore));
            assert!(matches!(unit.look_when_due(), Finding::RollCalled));
            unit.poll(None);
            assert!(matches!(unit.look(), Finding::GoesOn));
        }
        assert!(matches!(unit.look_when_due(), Finding::RollCalled));
        unit.poll(Some(id));
        assert!(matches!(unit.look(), Finding::Stuck(_)));
    };
    shuttle::check_dfs(handler_works_on, None);
}

/// It answers a roll call, on which a verdict is given, and ceases to poll then.
#[test]
fn an_answer_is_good_for_one_verdict() {
    let handler_works_later = || {
        let unit = Unit::new();
        unit.in_flight.store(1, Ordering::SeqCst);
        let stream = Arc::clone(&unit.stream) as Arc<dyn AnyChannel>;
        let id = unit.ledger.begin(CONSUMER, WaitKind::Item(stream));
        unit.poll(None);
        assert!(matches!(unit.look(), Finding::RollCalled));
        unit.poll(Some(id));
        assert!(matches!(unit.look(), Finding::Stuck(_)));
        unit.poll(None);
        assert!(matches!(unit.look(), Finding::AsBefore));
        assert!(matches!(unit.look_when_due(), Finding::RollCalled));
        unit.poll(None);
        assert!(matches!(unit.look_when_due(), Finding::GoesOn));
    };
    shuttle::check_dfs(handler_works_later, None);
}

/// It has given up to wait for an item that lies there, and waits for another stream.
#[test]
fn a_wait_that_is_kept_does_not_hide_that_its_handler_waits_elsewhere() {
    let handler_waits_elsewhere = || {
        let (kept, other) = (Stream::new(1), Stream::new(0));
        let ledger = Ledger::default();
        ledger.begin(CONSUMER, WaitKind::Item(kept));
        let id = ledger.begin(CONSUMER, WaitKind::Item(other));
        ledger.park(CONSUMER, "Take", (ParkedIn::Task, Vec::new()));
        assert!(matches!(look(&ledger, || 1), Finding::RollCalled));
        ledger.unpark(CONSUMER);
        ledger.answer(CONSUMER, id);
        ledger.park(CONSUMER, "Take", (ParkedIn::Task, Vec::new()));
        assert!(matches!(look(&ledger, || 1), Finding::Stuck(_)));
    };
    shuttle::check_dfs(handler_waits_elsewhere, None);
}

/// However often a handler that works is polled, closing does not look at those that wait.
#[test]
fn who_waits_costs_nothing_while_a_handler_works() {
    let many_wait_and_one_works = || {
        let ledger = Ledger::default();
        let stream = Stream::new(0);
        for sequence in 2..1000 {
            let consumer = DeliveryKey { sequence, place: 0 };
            let stream = Arc::clone(&stream) as Arc<dyn AnyChannel>;
            ledger.begin(consumer, WaitKind::Item(stream));
            ledger.park(consumer, "Take", (ParkedIn::Task, Vec::new()));
        }
        for _ in 0..1000 {
            ledger.park(CONSUMER, "Work", (ParkedIn::Task, Vec::new()));
            assert!(matches!(look(&ledger, || 999), Finding::Busy));
            ledger.unpark(CONSUMER);
        }
        // It has called others before, and their replies have arrived.
        for _ in 0..1000 {
            ledger.expect_reply(CONSUMER, (1000, 1), Arc::new(Arrived));
            ledger.park(CONSUMER, "Work", (ParkedIn::Task, Vec::new()));
            assert!(matches!(look(&ledger, || 999), Finding::Busy));
            ledger.unpark(CONSUMER);
        }
        assert_eq!(stream.1.load(Ordering::SeqCst), 0);
        assert_eq!(ledger.examined(), 0);
    };
    shuttle::check_dfs(many_wait_and_one_works, Some(1));
}

/// A reply that has arrived.
struct Arrived;

impl PendingReply for Arrived {
    fn is_open(&self) -> bool {
        false
    }

    fn wake(&self) {}

    fn close(&self) {}
}

/// A message that waits for room is accepted or taken back, and never both.
#[test]
fn a_sender_that_polls_is_not_taken_back() {
    in_many_interleavings(|| {
        let ledger = Arc::new(Ledger::default());
        let behind = (7, Queued::Mailbox(1));
        let id = ledger.queue(behind, 1, Some(Waker::noop().clone()));
        let in_flight = Arc::new(AtomicU64::new(1));
        let sender = {
            let (ledger, in_flight) = (Arc::clone(&ledger), Arc::clone(&in_flight));
            thread::spawn(move || {
                let is_accepted = ledger.poll_queued(id, None);
                if is_accepted {
                    ledger.leave(id);
                    in_flight.fetch_sub(1, Ordering::SeqCst);
                }
                is_accepted
            })
        };
        let mut taken = 0;
        for _ in 0..3 {
            let finding = look(&ledger, || in_flight.load(Ordering::SeqCst));
            if let Finding::Unpolled(roll) = finding {
                let back = ledger.take_back(roll);
                taken += back.count;
                in_flight.fetch_sub(back.count, Ordering::SeqCst);
                back.wake();
            }
        }
        let is_accepted = sender.join().expect("it does not panic");
        assert_eq!(u64::from(is_accepted) + taken, 1);
        assert_eq!(in_flight.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_sender_that_waits_on_is_not_taken_back() {
    let sender_answers = || {
        let ledger = Ledger::default();
        let behind = (7, Queued::Mailbox(1));
        let live = ledger.queue(behind, 1, Some(Waker::noop().clone()));
        let Finding::Unpolled(roll) = look(&ledger, || 1) else {
            panic!("the roll was called, and it has not answered yet");
        };
        assert!(ledger.poll_queued(live, None));
        assert!(ledger.poll_queued(live, Some(Waker::noop().clone())));
        assert!(matches!(look(&ledger, || 1), Finding::GoesOn));
        assert_eq!(ledger.take_back(roll).count, 0);
    };
    shuttle::check_dfs(sender_answers, None);
}
