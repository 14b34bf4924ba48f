//! A message behind a handler of another unit of work waits only if that handler does, and has answered.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use crate::channel::AnyChannel;
use crate::ledger::{
    BlockerWait, Blockers, Finding, HeldMailbox, HeldModule, Ledger, Look, ModuleAhead, ParkedIn,
    WaitElsewhere, WaitKind, last_roll,
};
use crate::{CONSUMER, Stream, in_many_interleavings};

/// The number of the module of the consumer, and of one ahead of a message, whose handler is of another unit
/// of work and calls the former.
const TAKER: u64 = 7;
const AHEAD: u64 = 8;

/// The module ahead: how many messages are behind its handler, and the last roll call that this answered.
struct Middle {
    behind: AtomicU64,
    answered: AtomicU64,
}

impl HeldMailbox for Middle {
    fn count_of(&self, _: usize) -> u64 {
        self.behind.load(Ordering::SeqCst)
    }

    fn count_behind_handler(&self, unit: usize) -> u64 {
        self.count_of(unit)
    }

    fn holds(&self, unit: usize) -> bool {
        self.count_of(unit) > 0
    }

    fn handles(&self, _: usize) -> bool {
        false
    }
}

impl WaitElsewhere for Middle {
    fn is_open(&self) -> bool {
        true
    }

    fn wake(&self) {}

    fn answered(&self) -> u64 {
        u64::MAX
    }

    fn began(&self) -> u64 {
        0
    }

    fn blockers(&self) -> Blockers {
        let call = BlockerWait {
            others: vec![TAKER],
            answered: self.answered.load(Ordering::SeqCst),
            began: 0,
        };
        Blockers {
            modules: vec![AHEAD],
            waits: HashMap::from([(AHEAD, vec![call])]),
        }
    }

    fn words(&self) -> String {
        "the middle".into()
    }
}

/// Two deliveries: a consumer in an exclusive module, and a message behind a handler of another unit of work.
struct Behind {
    ledger: Ledger,
    stream: Arc<Stream>,
    middle: Arc<Middle>,
    in_flight: AtomicU64,
}

impl Behind {
    fn new() -> Arc<Self> {
        let behind = Behind {
            ledger: Ledger::default(),
            stream: Stream::new(0),
            middle: Arc::new(Middle {
                behind: AtomicU64::new(1),
                answered: AtomicU64::new(0),
            }),
            in_flight: AtomicU64::new(2),
        };
        let stream = Arc::clone(&behind.stream) as Arc<dyn AnyChannel>;
        behind.ledger.begin(CONSUMER, WaitKind::Item(stream));
        behind.park();
        Arc::new(behind)
    }

    fn park(&self) {
        let mailbox: Weak<Middle> = Weak::new();
        let taker = HeldModule {
            number: TAKER,
            mailbox,
            taken: 0,
        };
        self.ledger
            .park(CONSUMER, "Take", (ParkedIn::Exclusive(taker), Vec::new()));
    }

    /// The consumer polls again, and waits on.
    fn answer(&self) {
        self.ledger.unpark(CONSUMER);
        self.ledger.answer(CONSUMER, 1);
        self.park();
    }

    fn look(&self, is_due: bool) -> Finding {
        let ahead = |_: &HashSet<u64>| {
            vec![ModuleAhead {
                number: AHEAD,
                mailbox: Some(Arc::clone(&self.middle) as _),
                waits: Arc::clone(&self.middle) as _,
            }]
        };
        let look = Look {
            unit: 0,
            is_due,
            ahead: &ahead,
        };
        self.ledger
            .look(&look, || self.in_flight.load(Ordering::SeqCst))
    }
}

#[test]
fn what_is_behind_a_handler_that_waits_is_found_once_that_has_answered() {
    let handler_answers = || {
        let unit = Behind::new();
        assert!(matches!(unit.look(false), Finding::GoOn));
        assert!(matches!(unit.look(true), Finding::RollCalled));
        unit.answer();
        assert!(matches!(unit.look(false), Finding::GoOn));
        unit.middle.answered.store(last_roll(), Ordering::SeqCst);
        assert!(matches!(unit.look(false), Finding::Stuck(_)));
    };
    shuttle::check_dfs(handler_answers, Some(1));
}

/// It holds a call that it does not poll, and works on; then the message is handled, which pushes an item.
#[test]
fn what_is_behind_a_handler_that_works_does_not_wait() {
    in_many_interleavings(|| {
        let unit = Behind::new();
        let other = Arc::clone(&unit);
        let pushed = thread::spawn(move || {
            other.middle.behind.store(0, Ordering::SeqCst);
            other.stream.0.fetch_add(1, Ordering::SeqCst);
            other.in_flight.fetch_sub(1, Ordering::SeqCst);
        });
        for _ in 0..4 {
            assert!(!matches!(unit.look(true), Finding::Stuck(_)));
            unit.answer();
            assert!(!matches!(unit.look(false), Finding::Stuck(_)));
        }
        pushed.join().expect("it does not panic");
    });
}
