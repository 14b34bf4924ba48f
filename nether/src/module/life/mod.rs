//! The life of a module, from its making to its `#[on_stop]`; and what can be seen of it from outside:
//! [`Life`].

mod background;
mod instance;
mod progress;
mod restart;

pub use self::background::Background;
pub(crate) use self::instance::Instance;
pub use self::instance::launch;
pub(crate) use self::progress::BeingHandled;
pub(super) use self::progress::{Pause, Progress};

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a module is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ModuleState {
    /// It is being made, or in its `#[on_start]`. Messages wait.
    Starting,
    /// It handles messages.
    Running,
    /// It is held up by [`System::pause`](crate::System::pause). Messages wait.
    Paused,
    /// It has crashed and is restarting. Messages wait.
    Restarting,
    /// It handles nothing any more.
    Stopped,
}

/// What can be seen of a module's life from outside.
#[derive(Debug, Default)]
pub(crate) struct Life {
    state: AtomicU8,
    restarts: AtomicU64,
}

impl Life {
    pub(crate) fn state(&self) -> ModuleState {
        match self.state.load(Ordering::SeqCst) {
            0 => ModuleState::Starting,
            1 => ModuleState::Running,
            2 => ModuleState::Paused,
            3 => ModuleState::Restarting,
            _ => ModuleState::Stopped,
        }
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::SeqCst)
    }

    /// Counts a restart, and gives back how many there were with it.
    fn count_restart(&self) -> u64 {
        self.restarts.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn be(&self, state: ModuleState) {
        self.state.store(state as u8, Ordering::SeqCst);
    }
}
