//! Delayed entries: each is taken out once, by one taker, and the task that waits for the first
//! one notices every entry that is due before it.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::Mutex;
    use shuttle::sync::MutexGuard;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no holder panics")
    }
}

#[allow(dead_code)]
#[path = "../../../nether/src/timetable.rs"]
mod timetable;

use std::any::TypeId;
use std::borrow::Cow;

use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread;

use crate::timetable::{DueSlot, EntryName, NextDue, Timetable};

/// Tries out every order in which the threads may take their steps.
fn in_all_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(model, None);
}

/// Runs one thread: the locks of shuttle work only inside of its runtime.
fn alone(test: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(test, None);
}

struct Clock;
struct Lamp;

fn running() -> Timetable<u64, u64, &'static str> {
    let timetable = Timetable::new();
    timetable.begin(TypeId::of::<Clock>());
    timetable
}

fn add(
    timetable: &Timetable<u64, u64, &'static str>,
    due: u64,
    item: &'static str,
) -> DueSlot<u64> {
    let added = timetable.add(TypeId::of::<Clock>(), due, item);
    added.expect("its owner runs").slot
}

fn named(name: &'static str, key: Option<u64>) -> EntryName<u64> {
    EntryName {
        owner: TypeId::of::<Clock>(),
        name: Cow::Borrowed(name),
        key,
    }
}

#[test]
fn entries_are_due_in_the_order_of_time_and_then_of_addition() {
    alone(|| {
        let timetable = running();
        for (due, item) in [(2, "c"), (1, "a"), (2, "d"), (1, "b"), (3, "e")] {
            add(&timetable, due, item);
        }
        let due: Vec<_> = std::iter::from_fn(|| timetable.take_due(2)).collect();
        assert_eq!(due, ["a", "b", "c", "d"]);
        assert_eq!(timetable.next_due(), NextDue::At(3));
    });
}

#[test]
fn only_an_entry_that_is_due_before_all_others_is_the_first() {
    alone(|| {
        let timetable = running();
        let is_first = |due| {
            let added = timetable.add(TypeId::of::<Clock>(), due, "");
            added.expect("its owner runs").is_first
        };
        assert!(is_first(5));
        assert!(!is_first(5) && !is_first(6));
        assert!(is_first(4));
    });
}

#[test]
fn an_entry_is_taken_out_once() {
    alone(|| {
        let timetable = running();
        let slot = add(&timetable, 1, "a");
        assert_eq!(timetable.cancel(slot), Some("a"));
        assert_eq!(timetable.cancel(slot), None);
        assert_eq!(timetable.take_due(1), None);
    });
}

#[test]
fn a_name_has_one_entry_for_each_key() {
    alone(|| {
        let timetable = running();
        let (one, two, three) = (
            add(&timetable, 1, "one"),
            add(&timetable, 1, "two"),
            add(&timetable, 1, "three"),
        );
        assert_eq!(timetable.name(one, named("tick", None)), None);
        assert_eq!(timetable.name(one, named("tick", None)), None);
        assert_eq!(timetable.name(two, named("tick", Some(7))), None);
        assert_eq!(timetable.name(three, named("tick", None)), Some("one"));
        // An entry that was renamed has left its name.
        assert_eq!(timetable.name(three, named("tock", None)), None);
        let four = add(&timetable, 1, "four");
        assert_eq!(timetable.name(four, named("tick", None)), None);
        // A name is free once its entry is gone.
        assert_eq!(timetable.cancel(four), Some("four"));
        let five = add(&timetable, 1, "five");
        assert_eq!(timetable.name(five, named("tick", None)), None);
    });
}

#[test]
fn an_entry_that_is_named_too_late_still_replaces() {
    alone(|| {
        let timetable = running();
        let early = add(&timetable, 5, "early");
        assert_eq!(timetable.name(early, named("tick", None)), None);
        let late = add(&timetable, 1, "late");
        assert_eq!(timetable.take_due(1), Some("late"));
        assert_eq!(timetable.name(late, named("tick", None)), Some("early"));
        assert_eq!(timetable.next_due(), NextDue::Nothing);
    });
}

#[test]
fn the_entries_of_an_owner_end_with_its_last_value() {
    alone(|| {
        let timetable = running();
        timetable.begin(TypeId::of::<Clock>());
        timetable.begin(TypeId::of::<Lamp>());
        add(&timetable, 1, "a");
        let _ = timetable.add(TypeId::of::<Lamp>(), 1, "lamp");
        add(&timetable, 2, "b");
        assert!(timetable.end(TypeId::of::<Clock>()).is_empty());
        assert_eq!(timetable.end(TypeId::of::<Clock>()), ["a", "b"]);
        assert!(timetable.add(TypeId::of::<Clock>(), 1, "c").is_err());
        assert_eq!(timetable.take_due(1), Some("lamp"));
    });
}

#[test]
fn a_timetable_that_is_closed_takes_nothing_more() {
    alone(|| {
        let timetable = running();
        let slot = add(&timetable, 1, "a");
        timetable.name(slot, named("tick", None));
        assert_eq!(timetable.close(), ["a"]);
        assert_eq!(timetable.next_due(), NextDue::Closed);
        assert!(timetable.add(TypeId::of::<Clock>(), 1, "b").is_err());
        assert!(timetable.end(TypeId::of::<Clock>()).is_empty());
    });
}

/// Runs both at the same time, on one timetable.
fn at_once<A, B>(
    timetable: Timetable<u64, u64, &'static str>,
    first: impl FnOnce(&Timetable<u64, u64, &'static str>) -> A + Send + 'static,
    second: impl FnOnce(&Timetable<u64, u64, &'static str>) -> B,
) -> (A, B, Arc<Timetable<u64, u64, &'static str>>)
where
    A: Send + 'static,
{
    let timetable = Arc::new(timetable);
    let first = {
        let timetable = Arc::clone(&timetable);
        thread::spawn(move || first(&timetable))
    };
    let second = second(&timetable);
    (first.join().expect("it does not panic"), second, timetable)
}

#[test]
fn an_entry_is_sent_or_cancelled_and_never_both() {
    in_all_interleavings(|| {
        let timetable = running();
        let slot = add(&timetable, 1, "a");
        let (sent, cancelled, timetable) = at_once(
            timetable,
            |timetable| timetable.take_due(1).is_some(),
            move |timetable| timetable.cancel(slot).is_some(),
        );
        assert!(sent != cancelled);
        assert_eq!(timetable.next_due(), NextDue::Nothing);
    });
}

#[test]
fn an_entry_is_sent_or_lost_with_its_owner_and_never_both() {
    in_all_interleavings(|| {
        let timetable = running();
        add(&timetable, 1, "a");
        let (sent, lost, _) = at_once(
            timetable,
            |timetable| usize::from(timetable.take_due(1).is_some()),
            |timetable| timetable.end(TypeId::of::<Clock>()).len(),
        );
        assert_eq!(sent + lost, 1);
    });
}

#[test]
fn an_entry_that_is_added_while_the_timetable_is_closed_is_lost_or_handed_back() {
    in_all_interleavings(|| {
        let (is_added, lost, timetable) = at_once(
            running(),
            |timetable| timetable.add(TypeId::of::<Clock>(), 1, "a").is_ok(),
            |timetable| timetable.close().len(),
        );
        assert_eq!(usize::from(is_added), lost);
        assert_eq!(timetable.next_due(), NextDue::Closed);
    });
}

#[test]
fn of_two_entries_that_take_one_name_at_once_one_replaces_the_other() {
    in_all_interleavings(|| {
        let timetable = running();
        let (one, two) = (add(&timetable, 1, "one"), add(&timetable, 1, "two"));
        let (first, second, timetable) = at_once(
            timetable,
            move |timetable| timetable.name(one, named("tick", None)),
            move |timetable| timetable.name(two, named("tick", None)),
        );
        assert!(matches!(
            (first, second),
            (Some("two"), None) | (None, Some("one"))
        ));
        assert!(timetable.take_due(1).is_some() && timetable.take_due(1).is_none());
    });
}

/// What tells the driver to look again. As tokio's `Notify`, it tells those who listen already.
struct Changed {
    times: Mutex<u64>,
    again: Condvar,
}

impl Changed {
    fn listen(&self) -> u64 {
        *sync::lock(&self.times)
    }

    fn notify(&self) {
        *sync::lock(&self.times) += 1;
        self.again.notify_all();
    }

    fn wait(&self, listened: u64) {
        let mut times = sync::lock(&self.times);
        while *times == listened {
            times = self.again.wait(times).expect("no holder panics");
        }
    }
}

/// The driver listens, looks, and then waits: an entry that it has not seen wakes it. Else it would sleep
/// until a later one is due, and this test would end with a deadlock.
#[test]
fn a_driver_that_has_not_seen_the_first_entry_is_woken() {
    in_all_interleavings(|| {
        let timetable = running();
        add(&timetable, 5, "late");
        let changed = Arc::new(Changed {
            times: Mutex::new(0),
            again: Condvar::new(),
        });
        let notified = Arc::clone(&changed);
        let ((), seen, _) = at_once(
            timetable,
            move |timetable| {
                let added = timetable.add(TypeId::of::<Clock>(), 1, "early");
                if added.expect("its owner runs").is_first {
                    notified.notify();
                }
            },
            move |timetable| loop {
                let listened = changed.listen();
                if let Some(entry) = timetable.take_due(1) {
                    break entry;
                }
                if timetable.next_due() == NextDue::At(5) {
                    changed.wait(listened);
                }
            },
        );
        assert_eq!(seen, "early");
    });
}
