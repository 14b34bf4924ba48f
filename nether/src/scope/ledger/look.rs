//! [`Ledger::look`]: what becomes of the deliveries in flight.

use std::collections::HashSet;

use super::elsewhere::ModuleAhead;
use super::outside::Outside;
use super::stuck::{WaitVerdict, first_verdict, last_verdict};
use super::{Finding, Ledger};
use crate::sync::lock;

/// Finds the modules of these numbers, and those that have messages of the unit of work.
pub(crate) type ModulesAhead<'a> = &'a dyn Fn(&HashSet<u64>) -> Vec<ModuleAhead>;

/// How closing looks at what is in flight.
pub(crate) struct Look<'a> {
    /// The address of the unit of work.
    pub(crate) unit: usize,
    /// Whether a pause is over. Only then closing calls the roll though nothing has begun or ended, and looks
    /// for messages behind handlers of other units of work: that costs time in proportion to the modules of
    /// the process.
    pub(crate) is_due: bool,
    pub(crate) ahead: ModulesAhead<'a>,
}

impl Ledger {
    /// Looks for a delivery that may go on by itself.
    ///
    /// While the lock is held no parked handler can continue, so the number of deliveries in flight, if it is
    /// the number of those that are known to wait, proves that there is no other. From then on nothing
    /// changes but by outsiders, and what is waited for can be looked at.
    ///
    /// The answers to a roll call are good for one verdict: a handler may cease to poll what it has answered
    /// for.
    pub(crate) fn look(&self, look: &Look<'_>, in_flight: impl FnOnce() -> u64) -> Finding {
        let mut outside = Outside::default();
        let mut state = lock(&self.0);
        state.examined = 0;
        if state.has_working() {
            return Finding::Busy;
        }
        let is_wide = look.is_due || state.is_wide_roll_open();
        let elsewhere = state.elsewhere();
        if is_wide || !elsewhere.is_empty() {
            let modules = state.modules_not_held();
            drop(state);
            // Looking outside takes other locks, so this one is released. A handler that is polled meanwhile
            // registers new waits, which have no entry among the blockers and count as free.
            let ahead = is_wide.then(|| (look.ahead)(&modules));
            outside = Outside::new(elsewhere, ahead.unwrap_or_default());
            state = lock(&self.0);
        }
        state.examined = state.parked.len() + state.queued.len() + outside.examined();
        outside.held = state.held_mailboxes();
        let in_flight = in_flight();
        let known = state.count_known(look.unit, &outside.held)
            + outside.count_behind(look.unit, |module| state.is_held(module));
        if known != in_flight || first_verdict(&state, &outside) == WaitVerdict::GoesOn {
            return Finding::GoOn;
        }
        let roll = state.roll;
        let has_changed = state.moves_before_roll != state.moves || outside.has_begun_since(roll);
        let is_stale = look.is_due && (state.is_roll_spent || state.roll_ahead != roll);
        if roll == 0 || has_changed || is_stale {
            let called = state.call_roll();
            if is_wide {
                state.roll_ahead = state.roll;
            }
            let finding = match state.parked.is_empty() {
                // No handler is there to answer, so that it would be looked again.
                true => Finding::Unpolled(state.roll),
                false => Finding::RollCalled,
            };
            drop(state);
            called.wake();
            outside.wake_modules();
            return finding;
        }
        if state.parked.values().any(|parked| parked.roll != roll) {
            return Finding::RollCalled;
        }
        if state.is_roll_spent {
            return Finding::AsBefore;
        }
        let verdict = last_verdict(&state, &outside);
        // Senders, and handlers of other units of work, have until the end of the pause to answer.
        state.is_roll_spent = look.is_due
            || match verdict {
                WaitVerdict::GoesOn => outside.have_answered(roll),
                WaitVerdict::WaitsUnpolled => false,
                WaitVerdict::Waits => true,
            };
        match verdict {
            WaitVerdict::GoesOn if state.is_roll_spent => Finding::GoesOn,
            WaitVerdict::GoesOn => Finding::GoOn,
            WaitVerdict::WaitsUnpolled => Finding::Unpolled(roll),
            WaitVerdict::Waits => Finding::Stuck(state.stuck()),
        }
    }
}
