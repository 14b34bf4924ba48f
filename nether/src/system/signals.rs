//! SIGINT and SIGTERM: the wish to stop.

use std::io;

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

/// Listens for the signal to stop, from now on; ends when it has come. If the platform gives none, never.
pub(crate) fn signal() -> impl Future<Output = ()> {
    let listening = listen();
    async {
        let received = match listening {
            Ok(listening) => listening.await,
            Err(error) => Err(error),
        };
        if let Err(error) = received {
            tracing::error!(%error, "cannot listen for signals");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
fn listen() -> io::Result<impl Future<Output = io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        race(terminate.recv(), interrupt.recv()).await;
        Ok(())
    })
}

#[cfg(not(unix))]
fn listen() -> io::Result<impl Future<Output = io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}
