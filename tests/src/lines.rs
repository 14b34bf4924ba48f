//! [`Lines`]: what is logged.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, set_default};

/// A subscriber that no test uses. While there is one alone, `tracing` asks that of the thread which is first
/// at a place whether anybody wants to know of it: other threads, without a subscriber, would answer for this
/// one.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::fmt().with_writer(io::sink).finish();
    Dispatch::new(subscriber)
});

/// What the thread of a test logs, from `INFO` on.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Those of this thread, until the guard is dropped.
    pub fn of_this_thread() -> (Lines, DefaultGuard) {
        LazyLock::force(&ANOTHER);
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (lines, set_default(subscriber))
    }

    /// All that was logged since the last call.
    ///
    /// # Panics
    /// If it is no text.
    pub fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("no holder panics"));
        String::from_utf8(bytes).expect("it is text")
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock().expect("no holder panics");
        lines.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
