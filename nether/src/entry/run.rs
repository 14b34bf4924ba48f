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
    pub modules: Option<&'static [&'static ModuleDescriptor]>,
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
async fn run<A, F>(options: &Options, is_main: bool, function: impl FnOnce(A) -> F) -> Result<()>
where
    A: Argument,
    F: Future<Output = Result<()>>,
{
    let (started, system) = watch::channel(None);
    let mut builder = SystemBuilder::default().telling(started);
    if is_main {
        builder = builder.preparing(log::install);
    }
    if let Some(modules) = options.modules {
        builder = builder.closed_world(modules);
    }
    let argument = A::of(builder).await?;
    let running = catch(function(argument));
    let result = if is_main {
        // From here on, so before the function can say that it is ready.
        let signal = signal();
        let stopped = async {
            signal.await;
            stop(&system).await;
            // If the function waits in `until_shutdown`, it goes on from there before its wait is ended here.
            tokio::task::yield_now().await;
            Ok(Ok(()))
        };
        race(running, stopped).await
    } else {
        running.await
    };
    stop(&system).await;
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Stops the system, if it has started.
async fn stop(system: &watch::Receiver<Option<System>>) {
    let system = system.borrow().clone();
    if let Some(system) = system {
        system.shutdown().await;
    }
}
