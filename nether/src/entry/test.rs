//! Runs a test: once, or once for each seed.

use std::env;
use std::future::pending;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::sync::watch;

use crate::chance::Chance;
use crate::entry::run::{runtime, stop};
use crate::entry::{Argument, Flavor, Options};
use crate::error::{Error, Result};
use crate::guarded::{PanicPayload, catch};
use crate::module::ModuleDescriptor;
use crate::race::race;
use crate::system::{System, SystemBuilder};

/// The variable that names the one seed to run.
const SEED: &str = "NETHER_SEED";

/// What the attribute says.
#[derive(Debug)]
pub struct TestOptions {
    /// What it says of the runtime and of the program. On the current thread, time is virtual.
    pub options: Options,
    /// The only modules to be started, if it names them.
    pub only: Option<&'static [&'static ModuleDescriptor]>,
    /// From which seeds the order of modules is drawn.
    pub seeds: Option<Seeds>,
}

/// Seeds for a test.
#[derive(Debug, Clone)]
pub struct Seeds {
    /// One run for each.
    pub range: Range<u64>,
    /// Whether modules crash by chance.
    pub crashes: bool,
}

/// Runs a test.
///
/// # Panics
/// If the test fails, or panics itself.
pub fn test<A, F>(options: TestOptions, test: impl Fn(A) -> F)
where
    A: Argument,
    F: Future<Output = Result<()>>,
{
    let Some(Seeds { range, crashes }) = options.seeds.clone() else {
        return once(&options, Chance::default(), &test);
    };
    let chosen = env::var(SEED).ok().map(|text| match text.parse() {
        Ok(seed) => seed,
        Err(_) => panic!("{SEED}={text} is not a seed: it is a whole number"),
    });
    let range = chosen.map_or(range, |seed: u64| seed..seed.saturating_add(1));
    for seed in range {
        let run = || once(&options, Chance::seeded(seed, crashes), &test);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            eprintln!(
                "failed with seed {seed}; to run that one alone: `seed = {seed}`, or {SEED}={seed}"
            );
            resume_unwind(panic);
        }
    }
}

/// Ends a test in which a module sends what no module handles, and what the test does not answer either.
async fn unrouted(
    system: &watch::Receiver<Option<System>>,
) -> std::result::Result<Result<()>, PanicPayload> {
    let mut system = system.clone();
    let running = system.wait_for(Option::is_some).await;
    let running = running.ok().and_then(|system| system.clone());
    match running {
        Some(system) => Ok(Err(Error::msg(system.mediator().recorder.unrouted().await))),
        None => pending().await,
    }
}

fn once<A, F>(options: &TestOptions, chance: Chance, test: &impl Fn(A) -> F)
where
    A: Argument,
    F: Future<Output = Result<()>>,
{
    let run = async {
        let (started, system) = watch::channel(None);
        let mut builder = SystemBuilder::default().notifying(started).in_test(chance);
        if let Some(modules) = options.options.modules {
            builder = builder.closed_world(modules);
        }
        if let Some(modules) = options.only {
            builder = builder.with_only(modules);
        }
        let argument = A::of(builder).await?;
        let result = race(catch(test(argument)), unrouted(&system)).await;
        stop(&system).await;
        result.unwrap_or_else(|panic| resume_unwind(panic))?;
        // It may have come to that with the last step of the test, or while the system stopped.
        let ended = system.borrow().clone();
        match ended.and_then(|system| system.mediator().recorder.unrouted_so_far()) {
            Some(why) => Err(Error::msg(why)),
            None => Ok(()),
        }
    };
    let mut builder = runtime(&options.options);
    builder.start_paused(options.options.flavor == Flavor::CurrentThread);
    let runtime = builder.build().map_err(Error::from);
    if let Err(error) = runtime.and_then(|runtime| runtime.block_on(run)) {
        panic!("{error:?}");
    }
}
