//! [`KeyNotes`]: what is kept of a key besides its value: when it was used, its crashes, and who waits for
//! whom.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::module::RestartPolicy;
use crate::module::crashes::{CrashHistory, CrashJudgement, RAN_WELL};
use crate::module::keyed::line::LineNotes;
use crate::waiting::{TurnHolder, TurnLine};

/// The notes about a key, beside its value.
pub(super) struct KeyNotes {
    /// When its last message ended.
    used: Instant,
    /// The crashes of its values, if there were any.
    crashes: Option<Box<KeyCrashes>>,
    /// The delivery that has the turn, if it is known to wait.
    holder: TurnHolder,
    /// Those who wait, in the wait-for graph.
    line: Option<Arc<TurnLine>>,
}

/// The crashes of the values of a key.
struct KeyCrashes {
    history: CrashHistory,
    /// When the value was made, if there is one.
    made: Option<Instant>,
    /// When the next value may be made, if it is crash-looping.
    next_try: Option<Instant>,
    /// When these crashes are forgotten.
    over: Instant,
}

impl Default for KeyNotes {
    fn default() -> Self {
        KeyNotes {
            used: Instant::now(),
            crashes: None,
            holder: TurnHolder::default(),
            line: None,
        }
    }
}

impl LineNotes for KeyNotes {
    type Used = Instant;

    fn used(&self) -> Instant {
        self.used
    }

    fn outlive_value(&self) -> bool {
        let mut crashes = self.crashes.iter();
        crashes.any(|crashes| Instant::now() < crashes.over)
    }

    fn end_turn(&mut self, is_use: bool, others_wait: bool) {
        if is_use {
            self.used = Instant::now();
        }
        self.holder = TurnHolder::default();
        if others_wait {
            self.line.iter().for_each(|line| line.released());
        } else {
            self.line = None;
        }
    }
}

impl KeyNotes {
    /// Whether it was used for the last time so long ago.
    pub(super) fn is_idle(&self, idle: Duration) -> bool {
        self.used.elapsed() >= idle
    }

    /// When the next value may be made, if not now.
    pub(super) fn next_try(&self) -> Option<Instant> {
        let next_try = self.crashes.as_ref()?.next_try?;
        (Instant::now() < next_try).then_some(next_try)
    }

    /// A value was made.
    pub(super) fn note_made(&mut self) {
        if let Some(crashes) = &mut self.crashes {
            crashes.made = Some(Instant::now());
            crashes.next_try = None;
        }
    }

    /// The value has crashed. Returns how long no other is made, unless the next message makes one.
    pub(super) fn count_crash(&mut self, policy: RestartPolicy) -> Option<Duration> {
        let now = Instant::now();
        let crashes = self.crashes.get_or_insert_with(|| {
            Box::new(KeyCrashes {
                history: CrashHistory::default(),
                made: None,
                next_try: None,
                over: now,
            })
        });
        let ran_for = crashes.made.take().map(|made| now - made);
        let wait = match crashes.history.count(policy, ran_for) {
            CrashJudgement::Restart { .. } => None,
            CrashJudgement::CrashLoop(wait) => Some(wait),
        };
        crashes.next_try = wait.map(|wait| now + wait);
        crashes.over = now + wait.map_or(policy.within, |wait| wait + RAN_WELL);
        wait
    }

    /// From when on the crashes do not matter, if there were any.
    pub(super) fn crashes_over(&self) -> Option<Instant> {
        Some(self.crashes.as_ref()?.over)
    }

    /// Those who wait, with what is known of the one that has the turn.
    pub(super) fn line(&mut self, make: impl FnOnce() -> Arc<TurnLine>) -> Arc<TurnLine> {
        let holder = self.holder;
        let line = self.line.get_or_insert_with(|| {
            let line = make();
            if holder.is_known() {
                line.held_by(holder);
            }
            line
        });
        Arc::clone(line)
    }

    /// This delivery has the turn, and waits. Gives back those who wait for it, if that is news for them.
    pub(super) fn note_holder(&mut self, holder: TurnHolder) -> Option<Arc<TurnLine>> {
        if self.holder == holder {
            return None;
        }
        self.holder = holder;
        let line = self.line.as_ref()?;
        line.held_by(holder);
        holder.is_known().then(|| Arc::clone(line))
    }
}
