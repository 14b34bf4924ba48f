//! [`Ledger::look`]: what becomes of the deliveries in flight.

use super::elsewhere::ModuleAhead;
use super::outside::Outside;
use super::stuck::{WaitVerdict, first_verdict, last_verdict};
use super::{Finding, Ledger};
use crate::sync::lock;

/// Finds the modules that may have messages of the unit of work behind handlers of others: those of these
/// numbers, and whichever have some.
pub(crate) type ModulesAhead<'a> = &'a dyn Fn(&[u64]) -> Vec<ModuleAhead>;

impl Ledger {
    /// Looks for a delivery, in the unit of work that has this address, that may go on by itself. Without
    /// `ahead`, one may that is behind the handler of another unit of work.
    ///
    /// While the lock is held no parked handler can continue, so the number of deliveries in flight, if it is
    /// the number of those that are known to wait, proves that there is no other. From then on nothing
    /// changes but by outsiders, and what is waited for can be looked at.
    pub(crate) fn look(
        &self,
        unit: usize,
        in_flight: impl FnOnce() -> u64,
        ahead: Option<ModulesAhead<'_>>,
    ) -> Finding {
        let mut outside = Outside::default();
        let mut state = lock(&self.0);
        state.examined = 0;
        if state.has_working() {
            return Finding::Busy;
        }
        let elsewhere = state.elsewhere();
        if ahead.is_some() || !elsewhere.is_empty() {
            let modules = state.modules_not_held();
            drop(state);
            // What is outside takes other locks, so this one is released. A handler that is polled meanwhile
            // registers new waits, which have no entry among the blockers and count as free.
            let ahead = ahead.map_or_else(Vec::new, |ahead| ahead(&modules));
            outside = Outside::new(elsewhere, ahead);
            state = lock(&self.0);
        }
        state.examined = state.parked.len() + state.queued.len() + outside.examined();
        outside.held = state.held_mailboxes();
        let in_flight = in_flight();
        let known = state.count_known(unit, &outside.held)
            + outside.count_behind(unit, |module| state.is_held(module));
        if known != in_flight || first_verdict(&state, &outside) == WaitVerdict::GoesOn {
            return Finding::GoOn;
        }
        let roll = state.roll;
        if state.moves_before_roll != state.moves
            || roll == 0
            || outside.has_begun_since(roll)
            || ahead.is_some() && state.roll_ahead != roll
        {
            let called = state.call_roll();
            if ahead.is_some() {
                state.roll_ahead = state.roll;
            }
            let finding = match state.parked.is_empty() {
                // No handler is there to answer, so that it would be looked again.
                true => Finding::Unpolled(state.roll),
                false => Finding::RollCalled,
            };
            drop(state);
            called.wake();
            outside.into_waits().iter().for_each(|wait| wait.wake());
            return finding;
        }
        if state.parked.values().any(|parked| parked.roll != roll) {
            return Finding::GoOn;
        }
        match last_verdict(&state, &outside) {
            WaitVerdict::GoesOn => Finding::GoOn,
            WaitVerdict::WaitsUnpolled => Finding::Unpolled(roll),
            WaitVerdict::Waits => Finding::Stuck(state.stuck()),
        }
    }
}
