//! Messages in flight in a unit of work: its closer sees everything that was accepted, and nothing is
//! accepted after.

/// What the sources import as `crate::sync`.
mod sync {
    pub(crate) use shuttle::sync::atomic::{AtomicU8, AtomicU64, Ordering};
}

#[path = "../../../nether/src/scope/flight.rs"]
mod flight;
#[allow(dead_code)]
#[path = "../../../nether/src/scope/state.rs"]
mod state;

mod scope {
    pub(crate) use crate::state;
}

use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

use crate::flight::{Admission, Flight};
use crate::state::ScopeState;

/// A unit of work, without what surrounds the counters.
struct Scope {
    state: ScopeState,
    sent: AtomicU64,
    done: AtomicU64,
    /// How many messages were handled, as handlers count them.
    handled: AtomicU64,
}

impl Scope {
    fn new() -> Arc<Self> {
        Arc::new(Scope {
            state: ScopeState::new(false),
            sent: AtomicU64::new(0),
            done: AtomicU64::new(0),
            handled: AtomicU64::new(0),
        })
    }

    fn flight(&self) -> Flight<'_> {
        Flight {
            state: &self.state,
            sent: &self.sent,
            done: &self.done,
        }
    }

    /// Sends a message; says whether it was accepted. If it is refused it is counted as done.
    fn send(&self, is_external: bool) -> bool {
        let (_, admission) = self.flight().send(1, is_external, true);
        let accepted = matches!(admission, Admission::Open | Admission::Special);
        if !accepted {
            self.flight().finish(1);
        }
        accepted
    }

    /// Handles a message.
    fn handle(&self) {
        self.handled.fetch_add(1, Ordering::SeqCst);
        self.flight().finish(1);
    }
}

/// Tries out every order in which the threads may take their steps.
fn in_all_interleavings(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(model, None);
}

#[test]
fn a_closer_sees_what_was_accepted_and_the_rest_is_refused() {
    in_all_interleavings(|| {
        let scope = Scope::new();
        let sender = {
            let scope = Arc::clone(&scope);
            thread::spawn(move || {
                let accepted = scope.send(true);
                if accepted {
                    scope.handle();
                }
                accepted
            })
        };
        scope.state.close();
        let is_over = scope.flight().in_flight() == 0;
        let seen = scope.handled.load(Ordering::SeqCst);
        let accepted = sender.join().expect("it does not panic");
        // Idle after closing means that all that was ever accepted is handled by then.
        assert!(!is_over || seen == u64::from(accepted));
    });
}

#[test]
fn what_a_handler_causes_is_seen_before_its_own_end() {
    in_all_interleavings(|| {
        let scope = Scope::new();
        assert!(scope.send(true), "it is open");
        let handler = {
            let scope = Arc::clone(&scope);
            thread::spawn(move || {
                // Causes another message, which another module handles later, and only then is done.
                assert!(scope.send(false), "what handlers cause is part of it");
                scope.handle();
                scope.handle();
            })
        };
        scope.state.close();
        if scope.flight().in_flight() == 0 {
            assert_eq!(scope.handled.load(Ordering::SeqCst), 2);
        }
        handler.join().expect("it does not panic");
        assert_eq!(scope.flight().in_flight(), 0);
    });
}

#[test]
fn the_last_to_end_after_closing_knows_that_a_closer_waits() {
    in_all_interleavings(|| {
        let scope = Scope::new();
        assert!(scope.send(true), "it is open");
        let handler = {
            let scope = Arc::clone(&scope);
            thread::spawn(move || scope.flight().finish(1) && scope.flight().in_flight() == 0)
        };
        scope.state.close();
        let must_wait = scope.flight().in_flight() != 0;
        let tells = handler.join().expect("it does not panic");
        // A waiter is woken: no wake-up is lost between the look and the end.
        assert!(!must_wait || tells);
    });
}

#[test]
fn a_cancelled_unit_of_work_takes_nothing_more_and_comes_to_rest() {
    in_all_interleavings(|| {
        let scope = Scope::new();
        let sender = {
            let scope = Arc::clone(&scope);
            thread::spawn(move || {
                if scope.send(true) {
                    scope.handle();
                }
            })
        };
        scope.state.cancel();
        assert!(!scope.send(true));
        assert!(!scope.send(false));
        scope.state.close();
        sender.join().expect("it does not panic");
        assert_eq!(scope.flight().in_flight(), 0);
        assert!(scope.state.is_cancelled() && !scope.state.is_open());
    });
}

#[test]
fn one_that_has_ended_refuses_what_handlers_left_behind() {
    in_all_interleavings(|| {
        let scope = Scope::new();
        let leftover = {
            let scope = Arc::clone(&scope);
            thread::spawn(move || {
                let accepted = scope.send(false);
                if accepted {
                    scope.handle();
                }
                accepted
            })
        };
        scope.state.close();
        scope.state.end();
        // As `close` does: what came in before the end is waited for, and nothing comes after.
        let is_over = scope.flight().in_flight() == 0;
        let seen = scope.handled.load(Ordering::SeqCst);
        let accepted = leftover.join().expect("it does not panic");
        assert!(!is_over || seen == u64::from(accepted));
        assert!(!scope.send(false));
    });
}
