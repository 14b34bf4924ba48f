//! [`LeaseWatch`]: whether a standby may take over a lease.
//!
//! No clocks are compared: a standby takes over when the lease and the heartbeat have stayed the same for the
//! lease time by its *own* monotonic clock. A clock that runs wrong costs at most a needless takeover: the
//! store refuses the writes of a holder with an older epoch.

use std::time::Duration;

use crate::eventstore::lease::stored::StoredLease;

/// How long a standby has seen a lease unchanged.
#[derive(Debug, Default)]
pub(crate) struct LeaseWatch {
    /// The lease as it was last read, and since when it is so, by the clock of the standby.
    seen: Option<(StoredLease, Duration)>,
}

impl LeaseWatch {
    /// Notes the lease as it was read at the time `now`, and returns whether it can be taken. `has_ended`
    /// says that its holder is known to have ended. The longer of the lease times of the holder and of the
    /// standby counts.
    pub(crate) fn observe(
        &mut self,
        found: &StoredLease,
        has_ended: bool,
        now: Duration,
        lease_time: Duration,
    ) -> bool {
        let Some(holder) = found.holder() else {
            return true;
        };
        let lease_time = lease_time.max(Duration::from_millis(holder.lease_time_ms));
        has_ended || self.unchanged_for(found, now) >= lease_time
    }

    /// Returns how long the lease has been as it is now.
    fn unchanged_for(&mut self, found: &StoredLease, now: Duration) -> Duration {
        match &self.seen {
            Some((seen, since)) if seen == found => now.saturating_sub(*since),
            _ => {
                self.seen = Some((found.clone(), now));
                Duration::ZERO
            }
        }
    }
}
