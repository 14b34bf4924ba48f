//! SIGINT and SIGTERM: the wish to stop.

use crate::race::race;
use crate::system::{ShutdownReport, System};

impl System {
    /// Waits for SIGINT (Ctrl-C) or SIGTERM, or until somebody else shuts the system down, and stops it gracefully; see
    /// [`shutdown`](System::shutdown). What a server's `main` ends with:
    ///
    /// ```no_run
    /// use nether::prelude::*;
    ///
    /// #[nether::main]
    /// async fn main(system: System) {
    ///     system.until_shutdown().await;
    /// }
    /// ```
    pub async fn until_shutdown(&self) -> ShutdownReport {
        race(signal(), self.inner.mediator.stopping.begun()).await;
        self.shutdown().await
    }
}

/// Waits for the signal to stop. If the platform gives none, waits for ever.
pub(crate) async fn signal() {
    if let Err(error) = received().await {
        tracing::error!(%error, "cannot listen for signals");
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn received() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    race(terminate.recv(), interrupt.recv()).await;
    Ok(())
}

#[cfg(not(unix))]
async fn received() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
