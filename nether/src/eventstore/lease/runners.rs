//! [`RunnerId`]: which runners of this process are alive and which of them stand by. A standby learns at once
//! that a runner has ended, and a holder learns that a standby waits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use crate::eventstore::lease::record::LeaseHolder;
use crate::eventstore::process::PROCESS;
use crate::sync::lock;
use tokio::sync::{Notify, watch};

/// The runners that have not ended.
static RUNNING: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// The runners that have ended otherwise than in order: a write that they have begun may come to its end
/// after them.
static ABANDONED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Notified when a runner has ended.
static ENDED: Notify = Notify::const_new();

/// The number of runners of this process that wait for a lease, by the name of the lease.
static STANDBYS: LazyLock<watch::Sender<BTreeMap<&'static str, usize>>> =
    LazyLock::new(watch::Sender::default);

/// A runner of this process. Once this is dropped, the runner has ended, and a lease that it holds is free.
#[derive(Debug)]
pub(super) struct RunnerId {
    number: u64,
    ends_in_order: bool,
}

impl RunnerId {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&RUNNING).insert(number);
        RunnerId {
            number,
            ends_in_order: false,
        }
    }

    /// Says that nothing of what it has begun is written any more once this is dropped.
    pub(super) fn end_in_order(&mut self) {
        self.ends_in_order = true;
    }

    /// This runner, as the holder of a lease. `is_alone` says that no other process can have the store open.
    pub(super) fn holder(&self, lease_time: Duration, is_alone: bool) -> LeaseHolder {
        LeaseHolder {
            process: *PROCESS,
            runner: self.number,
            name: process_name(),
            lease_time_ms: u64::try_from(lease_time.as_millis()).unwrap_or(u64::MAX),
            is_alone,
        }
    }
}

impl Drop for RunnerId {
    fn drop(&mut self) {
        if !self.ends_in_order {
            lock(&ABANDONED).insert(self.number);
        }
        lock(&RUNNING).remove(&self.number);
        ENDED.notify_waiters();
    }
}

/// Whether a holder is known to have ended: it was a runner of this process and is not alive, or it was one
/// of another process, which cannot have the store open now.
pub(super) fn has_ended(holder: &LeaseHolder, is_shared: bool) -> bool {
    match holder.process == *PROCESS {
        true => !lock(&RUNNING).contains(&holder.runner),
        false => !is_shared || holder.is_alone,
    }
}

/// Whether a holder has ended and writes nothing any more.
pub(super) fn is_done(holder: &LeaseHolder, is_shared: bool) -> bool {
    let is_abandoned = holder.process == *PROCESS && lock(&ABANDONED).contains(&holder.runner);
    has_ended(holder, is_shared) && !is_abandoned
}

/// Counts a runner as waiting for the lease of a name, until this is dropped.
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

/// Returns once a runner of this process waits for the lease of that name.
pub(super) async fn until_standby(name: &str) {
    let mut standbys = STANDBYS.subscribe();
    let waits = standbys.wait_for(|standbys| standbys.contains_key(name));
    let _ = waits.await; // The sender is a static.
}

/// Whether a runner of this process waits for the lease of that name.
pub(in crate::eventstore) fn is_waited_for(name: &str) -> bool {
    STANDBYS.borrow().contains_key(name)
}

/// Waits until a runner of this process ends. The wait begins with the call and not with the first poll: made
/// before the lease is read, it misses none.
pub(in crate::eventstore) fn until_runner_ends() -> impl Future<Output = ()> {
    let mut ended = Box::pin(ENDED.notified());
    ended.as_mut().enable();
    ended
}

/// The name of this process, for people.
fn process_name() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("COMPUTERNAME").ok());
    let process = std::process::id();
    match host.as_deref().map(str::trim) {
        Some(host) if !host.is_empty() => format!("process {process} on {host}"),
        _ => format!("process {process}"),
    }
}
