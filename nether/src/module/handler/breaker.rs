//! [`Breaker`]: keeps messages from a module that only fails, until it may have recovered (M. Nygard,
//! "Release It!", 2007).

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use crate::context::{Handle, announce};
use crate::declaration::Declaration;
use crate::events::{BreakerClosed, BreakerOpened};
use crate::instants::later;
use crate::module::policy::BreakerPolicy;
use crate::module::tally::Verdict;
use crate::sync::lock;

/// The circuit breaker of one module. Closed, it lets every message pass; open, one now and then.
#[derive(Debug)]
pub(in crate::module) struct Breaker {
    policy: BreakerPolicy,
    module: &'static Declaration,
    is_open: AtomicBool,
    state: Mutex<BreakerState>,
}

#[derive(Debug, Default)]
struct BreakerState {
    /// When messages failed, within the time that counts.
    failures: VecDeque<Instant>,
    /// When it is open: from when on one message is let pass, as a probe.
    probe_at: Option<Instant>,
}

impl Breaker {
    pub(in crate::module) fn new(policy: BreakerPolicy, module: &'static Declaration) -> Self {
        Breaker {
            policy,
            module,
            is_open: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Whether a message may pass.
    pub(in crate::module) fn lets_pass(&self) -> bool {
        !self.is_open() || self.lets_probe()
    }

    /// Whether only probes may pass.
    #[inline]
    pub(in crate::module) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::SeqCst)
    }

    /// Whether a message may pass that is not sent yet: this lets none pass as a probe.
    pub(in crate::module) fn would_let_pass(&self) -> bool {
        let is_due = |at| Instant::now() >= at;
        !self.is_open.load(Ordering::SeqCst) || lock(&self.state).probe_at.is_none_or(is_due)
    }

    /// Whether a message passes as a probe. If nothing becomes of it, the next one is let pass as long after
    /// it.
    #[cold]
    #[inline(never)]
    pub(in crate::module) fn lets_probe(&self) -> bool {
        let mut state = lock(&self.state);
        let now = Instant::now();
        match state.probe_at {
            Some(at) if now < at => false,
            Some(_) => {
                state.probe_at = Some(later(now, self.policy.probe_after));
                true
            }
            None => true,
        }
    }

    /// Takes account of how a message ended.
    pub(in crate::module) fn count(&self, verdict: Verdict, handle: &Handle) {
        match verdict {
            // A refusal is for the sender to do better: the module works.
            Verdict::Handled | Verdict::Refused if self.is_open.load(Ordering::SeqCst) => {
                self.close(handle);
            }
            Verdict::Failed | Verdict::Crashed(_) => self.count_failure(handle),
            Verdict::Handled | Verdict::Refused | Verdict::Again | Verdict::CrashedAgain(_) => {}
        }
    }

    #[cold]
    #[inline(never)]
    fn close(&self, handle: &Handle) {
        {
            let mut state = lock(&self.state);
            if state.probe_at.take().is_none() {
                return;
            }
            self.is_open.store(false, Ordering::SeqCst);
        }
        let module = self.module.name;
        tracing::info!(module, "the module works again: its breaker is closed");
        announce(handle, || BreakerClosed {
            module: module.to_owned(),
        });
    }

    #[cold]
    #[inline(never)]
    fn count_failure(&self, handle: &Handle) {
        let BreakerPolicy {
            failures,
            within,
            probe_after,
        } = self.policy;
        {
            let mut state = lock(&self.state);
            let now = Instant::now();
            if let Some(at) = &mut state.probe_at {
                *at = later(now, probe_after);
                return;
            }
            let is_over = |failed: &Instant| now - *failed >= within;
            while state.failures.front().is_some_and(is_over) {
                state.failures.pop_front();
            }
            state.failures.push_back(now);
            if state.failures.len() < failures as usize {
                return;
            }
            state.failures.clear();
            state.probe_at = Some(later(now, probe_after));
            self.is_open.store(true, Ordering::SeqCst);
        }
        let module = self.module.name;
        tracing::warn!(
            module,
            failures,
            "the module only fails: its breaker is open"
        );
        announce(handle, || BreakerOpened {
            module: module.to_owned(),
            failures,
        });
    }
}
