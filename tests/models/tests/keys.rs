//! The lines of keys: one at a time has the value of a key, in the order in which they come, and nothing is
//! lost while a value leaves and a message arrives. A model whose threads all sleep fails as a deadlock.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;
    pub(crate) use shuttle::sync::atomic::{AtomicU8, AtomicU64, Ordering};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no holder panics")
    }
}

#[allow(dead_code)]
#[path = "../../../nether/src/module/keyed/line.rs"]
mod line;
#[allow(dead_code)]
#[path = "../../../nether/src/module/keyed/table.rs"]
mod table;

/// What the sources import as `crate::guarded`.
mod guarded {
    pub(crate) fn drop_unpanicked<T>(value: T) {
        drop(value);
    }
}

mod module {
    pub(crate) mod keyed {
        pub(crate) use crate::line;
    }
}

use std::future::poll_fn;
use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::{check_dfs, check_random, thread};

use crate::line::{KeyTurn, LineNotes};
use crate::table::KeyTable;

/// Nothing is kept but values.
#[derive(Default)]
struct NoNotes;

impl LineNotes for NoNotes {
    type Used = ();

    fn used(&self) {}

    fn outlive_value(&self) -> bool {
        false
    }

    fn end_turn(&mut self, _: bool, _: bool) {}
}

/// A value: how often it was used.
struct Uses(u64);

type Turn = KeyTurn<u64, Uses, NoNotes>;

/// A table, and what its users have seen.
struct Model {
    table: Arc<KeyTable<u64, Uses, NoNotes>>,
    /// How many have the turn of each key.
    users: [AtomicU64; 2],
    /// How many uses the values had that left.
    left: AtomicU64,
    handled: Mutex<Vec<u64>>,
}

impl Model {
    fn new(keep: Option<usize>) -> Arc<Self> {
        Arc::new(Model {
            table: KeyTable::new(keep, false),
            users: [AtomicU64::new(0), AtomicU64::new(0)],
            left: AtomicU64::new(0),
            handled: Mutex::default(),
        })
    }

    fn enter(&self, key: u64) -> Turn {
        self.table.enter(&key)
    }

    /// Waits for the turn, and uses the value once, or a new one. What has no room after that leaves.
    fn handle(&self, mut turn: Turn, message: u64) {
        block_on(poll_fn(|cx| turn.poll(cx)));
        turn.value.get_or_insert(Uses(0));
        self.use_value(turn, message);
    }

    /// Waits for the turn, and uses the value once, if there is one.
    fn handle_if_in_memory(&self, mut turn: Turn, message: u64) {
        block_on(poll_fn(|cx| turn.poll(cx)));
        if turn.value.is_some() {
            self.use_value(turn, message);
        }
    }

    fn use_value(&self, mut turn: Turn, message: u64) {
        self.begin(&turn);
        if let Some(Uses(uses)) = &mut turn.value {
            *uses += 1;
        }
        self.handled.lock().expect("no holder panics").push(message);
        self.end(&turn);
        let hash = turn.line().hash;
        drop(turn);
        let excess = self.table.take_excess(hash).into_iter();
        excess.for_each(|turn| self.leave(turn));
    }

    fn leave(&self, mut turn: Turn) {
        self.begin(&turn);
        if let Some(Uses(uses)) = turn.value.take() {
            self.left.fetch_add(uses, Ordering::SeqCst);
        }
        self.end(&turn);
    }

    fn begin(&self, turn: &Turn) {
        let users = &self.users[*turn.line().key as usize];
        assert_eq!(users.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        thread::yield_now();
    }

    fn end(&self, turn: &Turn) {
        let users = &self.users[*turn.line().key as usize];
        users.fetch_sub(1, Ordering::SeqCst);
    }

    /// How many uses all values together had, once no turn is taken any more.
    fn uses(&self) -> u64 {
        let idle = self.table.take_idle(usize::MAX, |_| true);
        idle.into_iter().for_each(|turn| self.leave(turn));
        assert!(
            self.table.take_idle(usize::MAX, |_| true).is_empty(),
            "nothing is left"
        );
        self.left.load(Ordering::SeqCst)
    }
}

#[test]
fn a_value_that_leaves_while_messages_arrive_loses_none() {
    let model = || {
        let model = Model::new(Some(1));
        let others = [0, 1, 0].map(|key| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.handle(model.enter(key), key))
        });
        let sweeper = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let idle = model.table.take_idle(usize::MAX, |_| true);
                idle.into_iter().for_each(|turn| model.leave(turn));
            })
        };
        others
            .into_iter()
            .for_each(|it| it.join().expect("it ends"));
        sweeper.join().expect("it ends");
        assert_eq!(model.uses(), 3);
    };
    check_random(model, 2_000);
}

/// The number of a message for all values.
const FOR_ALL: u64 = 9;

#[test]
fn a_message_for_all_values_is_handled_once_by_each_that_stays_and_makes_none() {
    let model = || {
        let model = Model::new(Some(1));
        model.handle(model.enter(0), 0);
        let other = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.handle(model.enter(1), 1))
        };
        let sweeper = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let idle = model.table.take_idle(usize::MAX, |_| true);
                idle.into_iter().for_each(|turn| model.leave(turn));
            })
        };
        // The value of key 0 may be leaving, and that of key 1 may be made or leave.
        let turns = model.table.enter_all();
        assert!(turns.len() <= 2, "once for each key");
        turns
            .into_iter()
            .for_each(|turn| model.handle_if_in_memory(turn, FOR_ALL));
        other.join().expect("it ends");
        sweeper.join().expect("it ends");
        let handled = model.handled.lock().expect("no holder panics").len() as u64;
        assert!((2..=4).contains(&handled), "{handled}");
        assert_eq!(model.uses(), handled);
    };
    check_random(model, 2_000);
}

#[test]
fn a_message_for_all_values_is_behind_those_before_it() {
    let model = || {
        let model = Model::new(None);
        let first = model.enter(0);
        let all = model.table.enter_all();
        let last = model.enter(0);
        assert_eq!(all.len(), 1, "the value is being made");
        let handlers = [
            thread::spawn({
                let model = Arc::clone(&model);
                move || model.handle(first, 1)
            }),
            thread::spawn({
                let model = Arc::clone(&model);
                move || {
                    let turns = all.into_iter();
                    turns.for_each(|turn| model.handle_if_in_memory(turn, FOR_ALL));
                }
            }),
            thread::spawn({
                let model = Arc::clone(&model);
                move || model.handle(last, 2)
            }),
        ];
        handlers
            .into_iter()
            .for_each(|it| it.join().expect("it ends"));
        let handled = model.handled.lock().expect("no holder panics");
        assert_eq!(*handled, [1, FOR_ALL, 2]);
        drop(handled);
        assert_eq!(model.uses(), 3);
    };
    check_dfs(model, Some(3_000));
}

#[test]
fn messages_are_handled_in_the_order_in_which_they_enter() {
    let model = || {
        let model = Model::new(None);
        let turns = [1, 2, 3].map(|message| (model.enter(0), message));
        let handlers = turns.map(|(turn, message)| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.handle(turn, message))
        });
        handlers
            .into_iter()
            .for_each(|it| it.join().expect("it ends"));
        assert_eq!(*model.handled.lock().expect("no holder panics"), [1, 2, 3]);
        assert_eq!(model.uses(), 3);
    };
    check_dfs(model, Some(3_000));
}

#[test]
fn a_message_that_goes_away_delays_no_other() {
    let model = || {
        let model = Model::new(None);
        let turns = [1, 2, 3].map(|message| (model.enter(0), message));
        let handlers = turns.map(|(turn, message)| {
            let model = Arc::clone(&model);
            thread::spawn(move || match message {
                2 => drop(turn),
                _ => model.handle(turn, message),
            })
        });
        handlers
            .into_iter()
            .for_each(|it| it.join().expect("it ends"));
        assert_eq!(*model.handled.lock().expect("no holder panics"), [1, 3]);
        assert_eq!(model.uses(), 2);
    };
    check_dfs(model, Some(3_000));
}
