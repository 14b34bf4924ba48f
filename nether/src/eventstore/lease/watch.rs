//! [`LeaseWatch`]: when a standby may take a lease over.
//!
//! No clocks are compared: a standby takes over when the lease and the heartbeat have stayed the same for the
//! lease time by its *own* monotonic clock. A clock that runs wrong costs a takeover too many, and nothing
//! else: whoever writes as the holder of an older epoch is refused by the store.

use std::time::Duration;

use crate::eventstore::lease::stored::StoredLease;

/// What a standby has seen of a lease.
#[derive(Debug, Default)]
pub(crate) struct LeaseWatch {
    /// The lease as it was last, and since when, by the clock of the standby.
    seen: Option<(StoredLease, Duration)>,
}

impl LeaseWatch {
    /// Whether the lease can be taken, as it was found `now`. `has_ended` says that the holder is known to
    /// have ended.
    pub(crate) fn is_free(&mut self, found: &StoredLease, has_ended: bool, now: Duration) -> bool {
        let Some(holder) = found.holder() else {
            return true;
        };
        let lease_time = Duration::from_millis(holder.lease_time_ms);
        has_ended || self.unchanged_for(found, now) >= lease_time
    }

    /// How long the lease has been as it is now.
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
