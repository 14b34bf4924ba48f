//! [`RunnerId`]: the runners of this process, so that a standby learns at once that one has ended, and a
//! holder that one waits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::eventstore::lease::record::LeaseHolder;
use crate::sync::lock;

/// This process, as no other is called.
static PROCESS: LazyLock<Uuid> = LazyLock::new(Uuid::now_v7);

/// The runners that have not ended.
static RUNNING: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Told when one of them ends.
static ENDED: Notify = Notify::const_new();

/// How many runners of this process wait for the lease of which name.
static STANDBYS: LazyLock<watch::Sender<BTreeMap<&'static str, usize>>> =
    LazyLock::new(watch::Sender::default);

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

/// Whether a holder is known to have ended: it was of this process, or of another while the store is not
/// `shared` by processes.
pub(super) fn has_ended(holder: &LeaseHolder, is_shared: bool) -> bool {
    match holder.process == *PROCESS {
        true => !lock(&RUNNING).contains(&holder.runner),
        false => !is_shared,
    }
}

/// A runner that waits for the lease of a name, until it is dropped.
#[derive(Debug)]
pub(super) struct StandbyGuard(&'static str);

impl StandbyGuard {
    pub(super) fn new(name: &'static str) -> Self {
        STANDBYS.send_modify(|standbys| *standbys.entry(name).or_default() += 1);
        StandbyGuard(name)
    }
}

impl Drop for StandbyGuard {
    fn drop(&mut self) {
        STANDBYS.send_modify(|standbys| {
            if let Some(count) = standbys.get_mut(self.0) {
                *count -= 1;
                if *count == 0 {
                    standbys.remove(self.0);
                }
            }
        });
    }
}

/// Waits until a runner of this process waits for the lease of that name.
pub(super) async fn somebody_waits(name: &str) {
    let mut standbys = STANDBYS.subscribe();
    let waits = standbys.wait_for(|standbys| standbys.contains_key(name));
    let _ = waits.await; // The sender is a static.
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
