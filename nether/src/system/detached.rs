//! [`Detached`]: what modules did that are not the system's any more.

use std::sync::Arc;

use crate::module::AnyInstance;
use crate::system::shutdown::ShutdownReport;
#[cfg(feature = "http")]
use crate::system::totals::{self, Totals};

/// The modules that were detached, and what they did.
#[derive(Default)]
pub(super) struct Detached {
    /// What those did that are done.
    done: ShutdownReport,
    /// The totals of those that are done, by their names.
    #[cfg(feature = "http")]
    totals: Totals,
    /// Those of which some message is still on its way to become a dead letter: a context that is cancelled
    /// takes its messages out of mailboxes, and counts them after that.
    leaving: Vec<Arc<dyn AnyInstance>>,
}

impl Detached {
    /// Adds a module that has stopped. Gives back those that are done, to be dropped outside of locks.
    #[must_use]
    pub(super) fn add(&mut self, instance: Arc<dyn AnyInstance>) -> Vec<Arc<dyn AnyInstance>> {
        self.leaving.push(instance);
        let is_done = |it: &mut Arc<dyn AnyInstance>| it.ended() == it.accepted();
        let done: Vec<_> = self.leaving.extract_if(.., is_done).collect();
        for instance in &done {
            self.done.add(&**instance);
            #[cfg(feature = "http")]
            totals::add(&mut self.totals, &**instance);
        }
        done
    }

    /// The modules that are not done.
    pub(super) fn leaving(&self) -> impl Iterator<Item = &Arc<dyn AnyInstance>> {
        self.leaving.iter()
    }

    /// What all of them did, by their names.
    #[cfg(feature = "http")]
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.totals.clone();
        self.leaving
            .iter()
            .for_each(|it| totals::add(&mut totals, &**it));
        totals
    }

    /// What all of them did.
    pub(super) fn report(&self) -> ShutdownReport {
        let mut report = self.done.clone();
        self.leaving.iter().for_each(|it| report.add(&**it));
        report
    }
}
