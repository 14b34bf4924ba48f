//! [`ClockHold`]: keeps the virtual time of a test from passing while another thread works.
//!
//! Tokio moves a paused clock on when no task can run. It does not know of threads that are not its own, so
//! that time would run ahead to the next timer, an hour from now, while such a thread writes to a disk. It
//! does wait for its blocking tasks. So a blocking task sleeps for as long as work is done elsewhere.

#[cfg(feature = "test")]
use std::cell::RefCell;
#[cfg(feature = "test")]
use std::sync::mpsc::{Sender, channel};
#[cfg(feature = "test")]
use std::sync::{Arc, Weak};
#[cfg(feature = "test")]
use std::time::Duration;

#[cfg(feature = "test")]
use tokio::runtime::{Handle, RuntimeFlavor};

/// How long a hold keeps time from passing at most, in real time: a runtime that is dropped waits for its
/// blocking tasks.
#[cfg(feature = "test")]
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(feature = "test")]
thread_local! {
    /// The blocking task that keeps the clock of this thread's runtime.
    static SLEEPER: RefCell<Weak<ClockSleeper>> = const { RefCell::new(Weak::new()) };
}

/// A blocking task that ends when this is dropped.
#[cfg(feature = "test")]
#[derive(Debug)]
struct ClockSleeper {
    _awake: Sender<()>,
}

/// Keeps virtual time from passing until it is dropped; see [`hold_clock`].
#[derive(Debug)]
#[must_use = "time passes again when it is dropped"]
pub struct ClockHold {
    #[cfg(feature = "test")]
    _sleeper: Option<Arc<ClockSleeper>>,
}

/// Keeps the virtual time of a test from passing until what is returned is dropped. An adapter holds it while
/// it awaits work of a thread of its own. Nothing is held outside of a runtime of one thread, or without the
/// feature `test`: virtual time needs both. So it costs nothing in production.
#[inline]
pub fn hold_clock() -> ClockHold {
    ClockHold {
        #[cfg(feature = "test")]
        _sleeper: sleeper(),
    }
}

/// The sleeper of this thread's runtime. All holds at the same time share it: there may be more of them than
/// a runtime has threads.
#[cfg(feature = "test")]
fn sleeper() -> Option<Arc<ClockSleeper>> {
    let runtime = Handle::try_current().ok()?;
    if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
        return None;
    }
    SLEEPER.with_borrow_mut(|shared| {
        let sleeper = shared.upgrade().unwrap_or_else(|| {
            let (awake, asleep) = channel::<()>();
            runtime.spawn_blocking(move || asleep.recv_timeout(LONGEST));
            Arc::new(ClockSleeper { _awake: awake })
        });
        *shared = Arc::downgrade(&sleeper);
        Some(sleeper)
    })
}
