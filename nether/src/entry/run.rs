//! Runs a `main` or a test: makes the runtime, starts the system, and stops it again.

use std::panic::resume_unwind;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::entry::{Argument, log};
use crate::error::Result;
use crate::module::{ModuleDescriptor, catch};
use crate::race::race;
use crate::system::{System, SystemBuilder, signal};

/// What the attribute says.
#[derive(Debug)]
pub struct Options {
    /// Which runtime.
    pub flavor: Flavor,
    /// How many threads, if it says.
    pub worker_threads: Option<usize>,
    /// The modules of a closed world.
    pub modules: Option<&'static [fn() -> &'static ModuleDescriptor]>,
}

/// Which of tokio's runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// As many threads as there are cores.
    MultiThread,
    /// The calling thread alone.
    CurrentThread,
}

/// Runs a program. A panic in it goes on once the system has stopped.
pub fn main<A, F>(options: Options, main: impl FnOnce(A) -> F) -> ExitCode
where
    A: Argument,
    F: Future<Output = Result<()>>,
{
    log::install();
    let ran = runtime(&options).and_then(|runtime| runtime.block_on(run(&options, true, main)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a test.
///
/// # Panics
/// If the test fails, or panics itself.
pub fn test<A, F>(options: Options, test: impl FnOnce(A) -> F)
where
    A: Argument,
    F: Future<Output = Result<()>>,
{
    let ran = runtime(&options).and_then(|runtime| runtime.block_on(run(&options, false, test)));
    if let Err(error) = ran {
        panic!("{error:?}");
    }
}

fn runtime(options: &Options) -> Result<Runtime> {
    let mut builder = match options.flavor {
        Flavor::MultiThread => Builder::new_multi_thread(),
        Flavor::CurrentThread => Builder::new_current_thread(),
    };
    if let Some(threads) = options.worker_threads {
        builder.worker_threads(threads);
    }
    Ok(builder.enable_all().build()?)
}

/// Starts the system, runs the function, and stops the system whatever the function gave back. A signal stops the system,
/// and then ends the function's wait.
async fn run<A, F>(
    options: &Options,
    with_signals: bool,
    function: impl FnOnce(A) -> F,
) -> Result<()>
where
    A: Argument,
    F: Future<Output = Result<()>>,
{
    let (started, system) = watch::channel(None);
    let mut builder = SystemBuilder::default().telling(started);
    if let Some(modules) = options.modules {
        builder = builder.closed_world(modules);
    }
    let argument = A::of(builder).await?;
    let running = catch(function(argument));
    let result = if with_signals {
        let stopped = async {
            stopped_by_signal(&system).await;
            Ok(Ok(()))
        };
        race(running, stopped).await
    } else {
        running.await
    };
    let system = system.borrow().clone();
    if let Some(system) = system {
        system.shutdown().await;
    }
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Ends when a signal has come and the system has stopped.
async fn stopped_by_signal(system: &watch::Receiver<Option<System>>) {
    signal().await;
    let system = system.borrow().clone();
    if let Some(system) = system {
        system.shutdown().await;
    }
}
