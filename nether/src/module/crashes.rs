//! [`CrashHistory`]: how often something crashed that is restarted, and what that means.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::module::policy::{Backoff, RestartPolicy};

/// The wait before the first try of a module that is crash-looping, and before the last ones. Each is twice
/// as long as the one before, and exactly so long, for senders get to know when it ends.
const CRASH_LOOP: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(5 * 60),
};

/// A module that has run for so long without a crash is not crash-looping any more: its next crash is one
/// like any other.
pub(crate) const RAN_WELL: Duration = Duration::from_secs(10 * 60);

/// When something crashed, as far as that counts.
#[derive(Debug, Default)]
pub(crate) struct CrashHistory {
    /// Within the time that counts.
    crashes: VecDeque<Instant>,
    /// How many times in a row it was left alone because it is crash-looping.
    crash_loops: u32,
}

/// The consequence of a crash, for something that is restarted.
pub(crate) enum CrashJudgement {
    /// There were so many within the time that counts, which is not too many.
    Restart { crashes: u32 },
    /// There were too many: it is left alone for that long.
    CrashLoop(Duration),
}

impl CrashHistory {
    /// Counts a crash of what had run for so long, if it had run at all.
    pub(crate) fn count(
        &mut self,
        policy: RestartPolicy,
        ran_for: Option<Duration>,
    ) -> CrashJudgement {
        let now = Instant::now();
        if ran_for.is_some_and(|ran_for| ran_for >= RAN_WELL) {
            self.crash_loops = 0;
        }
        let is_over = |crash: &Instant| now - *crash >= policy.within;
        while self.crashes.front().is_some_and(is_over) {
            self.crashes.pop_front();
        }
        self.crashes.push_back(now);
        let is_too_often = self.crashes.len() > policy.max_restarts as usize;
        if self.crash_loops == 0 && !is_too_often {
            let crashes = self.crashes.len() as u32;
            return CrashJudgement::Restart { crashes };
        }
        self.crash_loops += 1;
        CrashJudgement::CrashLoop(CRASH_LOOP.longest_wait(self.crash_loops))
    }
}
