//! SIGINT and SIGTERM: the wish to stop.

use std::io;

use crate::escaped::Escaped;
use crate::race::race;
use crate::system::{ShutdownReport, System};

impl System {
    /// Waits for SIGINT (Ctrl-C) or SIGTERM, or until the system is shut down elsewhere, and stops it
    /// gracefully; see [`shutdown`](System::shutdown). A signal while it stops ends the process at once, with
    /// exit code 130. The `main` of a server ends with it:
    ///
    /// ```no_run
    /// use nether::prelude::*;
    ///
    /// #[nether::main]
    /// async fn main(system: System) {
    ///     system.wait_for_shutdown().await;
    /// }
    /// ```
    pub async fn wait_for_shutdown(&self) -> ShutdownReport {
        self.stop_requested().await;
        or_exit(self.shutdown()).await
    }

    /// Waits for SIGINT or SIGTERM, or until the system is stopped elsewhere, without stopping it: for a
    /// `main` that has something to end first, such as a context whose handlers run until they are
    /// [cancelled](crate::Context::cancel).
    pub async fn stop_requested(&self) {
        race(signal(), self.inner.mediator.stopping.begun()).await;
    }

    /// Waits until a module is gone that the system cannot do without.
    pub(crate) async fn stop_demanded(&self) {
        if !self.inner.mediator.stopping.demanded().await {
            std::future::pending::<()>().await;
        }
    }

    /// Which module is gone that the system cannot do without, and why.
    pub(crate) fn stop_reason(&self) -> Option<&str> {
        self.inner.mediator.stopping.reason()
    }

    /// Waits until the system begins to stop.
    #[cfg(feature = "http")]
    pub(crate) async fn stop_begun(&self) {
        self.inner.mediator.stopping.begun().await;
    }

    /// Waits until a stop of the system has begun and has no more time.
    #[cfg(feature = "http")]
    pub(crate) async fn no_time_to_stop(&self) {
        self.stop_begun().await;
        match self.inner.stop_deadline.get() {
            Some(deadline) => tokio::time::sleep_until(*deadline).await,
            None => std::future::pending().await,
        }
    }

    /// Counts requests that the stop has cut off.
    #[cfg(feature = "http")]
    pub(crate) fn note_requests_cut_off(&self, count: u32) {
        let count = u64::from(count);
        self.inner
            .requests_cut_off
            .fetch_add(count, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether the system has begun to stop.
    #[cfg(feature = "http")]
    pub(crate) fn is_stopping(&self) -> bool {
        self.inner.mediator.stopping.has_begun()
    }
}

/// What a process exits with that was interrupted, as shells have it: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Waits for the end of something; a signal meanwhile ends the process.
pub(crate) async fn or_exit<T>(ending: impl Future<Output = T>) -> T {
    let again = signal();
    let exit = async {
        again.await;
        tracing::warn!("stopped again while stopping: the process ends at once");
        std::process::exit(INTERRUPTED)
    };
    race(ending, exit).await
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
            tracing::error!(error = %Escaped(&error), "cannot listen for signals");
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
