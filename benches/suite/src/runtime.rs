//! Where a contestant runs: a fresh runtime for every sample, the driver a spawned task of it.

use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

/// Both runtimes that everything is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flavour {
    /// Tokio's multi-thread runtime.
    Multi,
    /// Tokio's current-thread runtime.
    Current,
}

impl Flavour {
    pub const BOTH: [Flavour; 2] = [Flavour::Multi, Flavour::Current];

    pub fn name(self) -> &'static str {
        match self {
            Flavour::Multi => "multi-thread, 2 workers",
            Flavour::Current => "current_thread",
        }
    }
}

/// Whose runtime a contestant needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Tokio,
    /// One arbiter, to which the contestant adds a second for [`Flavour::Multi`].
    Actix,
}

const WORKERS: usize = 2;

impl Engine {
    /// Runs it as a task of a fresh runtime. Fails if it panics, which a wrong sum makes it do.
    ///
    /// The thread that blocks on a multi-thread runtime is not one of its workers: a driver there would wake
    /// and be woken across threads all the time, which is not how programs run.
    pub fn run<T: Send + 'static>(
        self,
        flavour: Flavour,
        drive: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let driven = async { tokio::spawn(drive).await };
        match self {
            Engine::Tokio => tokio_runtime(flavour).block_on(driven),
            Engine::Actix => {
                let runner = actix::System::new();
                let sample = runner.block_on(driven);
                actix::System::current().stop();
                runner.run().expect("its arbiters stop");
                sample
            }
        }
    }
}

fn tokio_runtime(flavour: Flavour) -> Runtime {
    let mut builder = match flavour {
        Flavour::Multi => Builder::new_multi_thread(),
        Flavour::Current => Builder::new_current_thread(),
    };
    builder
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .expect("a runtime starts")
}
