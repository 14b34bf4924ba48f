//! Runs a `main` or a test: makes the runtime, starts the system, and stops it again.

use std::cell::Cell;
use std::future::pending;
use std::panic::resume_unwind;
use std::process::ExitCode;

use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::entry::{Argument, log, panics};
use crate::error::{Error, Result, StartError, StartProblem};
use crate::guarded::catch;
use crate::module::ModuleDescriptor;
use crate::race::race;
use crate::system::{ShutdownReport, System, SystemBuilder, or_exit, signal};

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
    panics::install();
    let runtime = runtime(&options).build().map_err(Error::from);
    let ran = runtime.and_then(|runtime| runtime.block_on(run(&options, main)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            panics::write_error(&error);
            ExitCode::FAILURE
        }
    }
}

pub(super) fn runtime(options: &Options) -> Builder {
    let mut builder = match options.flavor {
        Flavor::MultiThread => Builder::new_multi_thread(),
        Flavor::CurrentThread => Builder::new_current_thread(),
    };
    if let Some(threads) = options.worker_threads {
        builder.worker_threads(threads);
    }
    builder.enable_all();
    builder
}

/// Starts the system, runs `main`, and stops the system whatever `main` gave back. A signal stops the system,
/// also while it starts, and then ends the wait for `main`; a second one ends the process. So does the end of
/// an essential module, which is an error.
async fn run<A, F>(options: &Options, main: impl FnOnce(A) -> F) -> Result<()>
where
    A: Argument,
    F: Future<Output = Result<()>>,
{
    let (started, system) = watch::channel(None);
    let mut builder = SystemBuilder::default()
        .preparing(log::install)
        .notifying(started);
    if let Some(modules) = options.modules {
        builder = builder.closed_world(modules);
    }
    // From here on, so before `main` can say that it is ready.
    let signal = signal();
    let is_signalled = Cell::new(false);
    let running = async {
        let argument = A::of(builder).await?;
        Ok(catch(main(argument)).await)
    };
    let stopped = async {
        let signalled = async {
            signal.await;
            is_signalled.set(true);
        };
        race(signalled, demanded(system.clone())).await;
        stop(&system).await;
        // If `main` waits in `wait_for_shutdown`, it goes on from there before its wait is ended here.
        tokio::task::yield_now().await;
        Ok(Ok(Ok(())))
    };
    let result = race(running, stopped).await;
    let report = stop(&system).await;
    let result = result.and_then(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic)));
    match result {
        // It did not start since it was to stop, which is no failure.
        Err(error) if is_signalled.get() && is_stopped(&error) => Ok(()),
        Ok(()) => match failure(&system, &report) {
            Some(failure) => Err(failure),
            None => Ok(()),
        },
        result => result,
    }
}

/// Waits until a module is gone that the system cannot do without.
async fn demanded(mut system: watch::Receiver<Option<System>>) {
    let running = system.wait_for(Option::is_some).await;
    let running = running.ok().and_then(|system| system.clone());
    match running {
        Some(system) => system.stop_demanded().await,
        None => pending().await,
    }
}

/// Why a program whose `main` succeeded failed all the same: a module is gone that the system could not do
/// without, or the stop has cut something off.
fn failure(system: &watch::Receiver<Option<System>>, report: &ShutdownReport) -> Option<Error> {
    let system = system.borrow();
    match system.as_ref()?.stop_reason() {
        Some(reason) => Some(Error::msg(reason)),
        None => report.failure(),
    }
}

/// Whether a system did not start because it was stopped.
fn is_stopped(error: &Error) -> bool {
    let problems = error
        .downcast_ref::<StartError>()
        .map(|error| &error.problems);
    let stopped = |problem: &StartProblem| matches!(problem, StartProblem::Stopped);
    problems.is_some_and(|problems| problems.iter().any(stopped))
}

/// Stops the system, if it has begun to start. A signal meanwhile ends the process.
pub(super) async fn stop(system: &watch::Receiver<Option<System>>) -> ShutdownReport {
    let system = system.borrow().clone();
    match system {
        Some(system) => or_exit(system.shutdown()).await,
        None => ShutdownReport::default(),
    }
}
