//! [`RunnerId`]: the runners of this process, so that a standby learns at once that one has ended.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::eventstore::lease::record::LeaseHolder;
use crate::eventstore::lease::watch::Holding;
use crate::sync::lock;

/// This process, as no other is called.
static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);

/// The runners that have not ended.
static RUNNING: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Told when one of them ends.
static ENDED: Notify = Notify::const_new();

/// A runner of this process. Dropped, it has ended: whatever it holds can be taken.
#[derive(Debug)]
pub(super) struct RunnerId(u64);

impl RunnerId {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&RUNNING).insert(number);
        RunnerId(number)
    }

    /// The runner, as the holder of a lease.
    pub(super) fn holder(&self, lease_time: Duration) -> LeaseHolder {
        LeaseHolder {
            process: *PROCESS,
            runner: self.0,
            name: process_name(),
            lease_time_ms: u64::try_from(lease_time.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Drop for RunnerId {
    fn drop(&mut self) {
        lock(&RUNNING).remove(&self.0);
        ENDED.notify_waiters();
    }
}

/// What is known of a holder, besides what it writes into a store that may be `shared` by processes.
pub(super) fn holding(holder: &LeaseHolder, is_shared: bool) -> Holding {
    let is_own = holder.process == *PROCESS;
    let runs = is_own && lock(&RUNNING).contains(&holder.runner);
    match (runs, is_own || !is_shared) {
        (true, _) if is_shared => Holding::MayRun,
        (true, _) => Holding::Runs,
        (false, true) => Holding::Ended,
        (false, false) => Holding::MayRun,
    }
}

/// Waits until a runner of this process ends. Made before the lease is read, it misses none.
pub(in crate::eventstore) fn one_ends() -> impl Future<Output = ()> {
    let mut ended = Box::pin(ENDED.notified());
    ended.as_mut().enable();
    ended
}

/// This process, for people.
fn process_name() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("COMPUTERNAME").ok());
    let process = std::process::id();
    match host.as_deref().map(str::trim) {
        Some(host) if !host.is_empty() => format!("process {process} on {host}"),
        _ => format!("process {process}"),
    }
}
