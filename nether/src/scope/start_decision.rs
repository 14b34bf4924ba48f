//! [`StartDecision`]: whether a unit of work began before its deadline.

use std::sync::atomic::{AtomicU8, Ordering};

/// Nothing of it has begun, and its deadline has not ended that.
const OPEN: u8 = 0;
const BEGUN: u8 = 1;
const LATE: u8 = 2;

/// Decides, once and for all, whether a unit of work began before its deadline. Two may decide at the same
/// time: the module that is about to handle the first message, and the task that sees the deadline pass. What
/// the first of them says is so.
#[derive(Debug, Default)]
pub(super) struct StartDecision(AtomicU8);

impl StartDecision {
    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst) == BEGUN
    }

    /// Begins, if it is not too late; returns whether it has begun.
    pub(super) fn begin(&self) -> bool {
        self.decide(BEGUN) == BEGUN
    }

    /// Notes that the deadline has passed.
    pub(super) fn expire(&self) {
        self.decide(LATE);
    }

    fn decide(&self, decision: u8) -> u8 {
        let decided = self
            .0
            .compare_exchange(OPEN, decision, Ordering::SeqCst, Ordering::SeqCst);
        decided.map_or_else(|earlier| earlier, |_| decision)
    }
}

#[cfg(test)]
mod tests {
    use super::StartDecision;

    #[test]
    fn the_first_decision_stays() {
        let begun = StartDecision::default();
        assert!(!begun.has_begun());
        assert!(begun.begin());
        begun.expire();
        assert!(begun.begin() && begun.has_begun());

        let late = StartDecision::default();
        late.expire();
        assert!(!late.begin() && !late.has_begun());
    }
}
