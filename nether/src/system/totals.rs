//! [`ModuleTotals`]: what modules did, by the names that `/metrics` has for them.

use std::collections::BTreeMap;

use crate::module::AnyInstance;
use crate::sync::lock;
use crate::system::System;

/// The name of a module, and which of its instances it is. Values that were attached have those of their
/// type.
pub(crate) type ModuleName = (&'static str, usize);

/// What the modules of one name did, and what they have to do. What was attached and is detached counts as it
/// did, so that no count falls.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ModuleTotals {
    pub(crate) handled: u64,
    /// Those that were refused are among them.
    pub(crate) failed: u64,
    pub(crate) refused: u64,
    pub(crate) restarts: u64,
    pub(crate) waiting: u64,
    pub(crate) in_flight: u64,
}

/// The totals of all names.
pub(crate) type Totals = BTreeMap<ModuleName, ModuleTotals>;

/// Adds what a module did.
pub(super) fn add(totals: &mut Totals, instance: &dyn AnyInstance) {
    let name = instance.descriptor().declaration.name;
    let total = totals.entry((name, instance.index())).or_default();
    // In this order, as `ended` says.
    let ended = instance.ended();
    let in_flight = instance.accepted().saturating_sub(ended);
    let work = instance.work();
    total.handled += work.handled;
    total.failed += work.failed;
    total.refused += work.refused;
    total.restarts += instance.life().restarts();
    total.waiting += work.waiting as u64;
    total.in_flight += in_flight;
}

impl System {
    /// What all modules did that ever ran.
    pub(crate) fn totals(&self) -> Totals {
        let instances = lock(&self.inner.instances);
        let mut totals = lock(&self.inner.detached).totals();
        instances
            .values()
            .for_each(|instance| add(&mut totals, &**instance));
        totals
    }
}
