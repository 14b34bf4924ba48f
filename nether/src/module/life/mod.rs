//! The life of a module, from its making to its `#[on_stop]`; and what can be seen of it from outside:
//! [`Life`].

mod background;
mod instance;
mod progress;
mod restart;

pub use self::background::Background;
pub use self::instance::launch;
pub(crate) use self::instance::{Instance, instances};
pub(crate) use self::progress::BeingHandled;
pub(super) use self::progress::{Pause, Progress};

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::sync::SetOnce;

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
    /// It has crashed more often than its `max_restarts` allows, and is left alone until its next try.
    /// Messages are refused.
    #[serde(rename = "crash-looping")]
    CrashLooping,
    /// It handles nothing any more.
    Stopped,
}

/// What can be seen of a module's life from outside.
#[derive(Debug, Default)]
pub(crate) struct Life {
    state: AtomicU8,
    restarts: AtomicU64,
    /// Set once: nothing more is asked of the module than that it ends.
    ending: SetOnce<()>,
}

impl Life {
    pub(crate) fn state(&self) -> ModuleState {
        match self.state.load(Ordering::SeqCst) {
            0 => ModuleState::Starting,
            1 => ModuleState::Running,
            2 => ModuleState::Paused,
            3 => ModuleState::Restarting,
            4 => ModuleState::CrashLooping,
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

    /// The module is to end once it has handled what it has.
    fn end(&self) {
        let _ = self.ending.set(()); // For the second time, perhaps.
    }

    /// Waits until the module is to end.
    async fn ending(&self) {
        self.ending.wait().await;
    }

    pub(crate) fn be(&self, state: ModuleState) {
        self.state.store(state as u8, Ordering::SeqCst);
    }
}
