//! [`Supervisor`]: makes a module, and restarts it when it has crashed.
//!
//! As in Erlang/OTP a module that fails is not repaired but replaced, by what made it at first, and so often
//! within a time ("restart intensity"). Past that, whatever is wrong does not go away soon: as in Kubernetes
//! the module is *crash-looping*, that is, left alone before each try, and longer each time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::context::{Context, Handle, Origin, announce};
use crate::error::{Error, Result};
use crate::escaped::Escaped;
use crate::events::{ModuleCrashLooping, ModuleRestarted, ModuleStopped};
use crate::guarded::{catch, panicked};
use crate::instants::in_future;
use crate::mediator::Mediator;
use crate::module::Module;
use crate::module::cell::{ModuleCell, ModuleRunner};
use crate::module::crashes::{CrashHistory, CrashJudgement};
use crate::module::life::background::BackgroundTasks;
use crate::module::life::{Life, ModuleState};
use crate::module::mode::{CellOf, ValueOf};
use crate::module::policy::{Backoff, RestartPolicy};
use crate::module::tally::Crash;
use crate::race::race;
use crate::resources::Resources;
use crate::route::BoxFuture;
use crate::scope::{Scope, ScopeKind};
use crate::sync::lock;
use crate::waiting;

/// The wait before a restart.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(10),
    longest: Duration::from_secs(10),
};

/// Where the module value comes from.
pub(super) enum ModuleSource<M> {
    /// From its `#[init]` or `Default`, as often as need be.
    Construct(fn(Arc<Resources>) -> BoxFuture<Result<M>>),
    /// The value with which it was attached, once.
    Value(Mutex<Option<M>>),
}

impl<M> ModuleSource<M> {
    /// Whether there can be another.
    pub(super) fn is_repeatable(&self) -> bool {
        matches!(self, ModuleSource::Construct(_))
    }

    /// A module value.
    pub(super) async fn make(&self, resources: &Arc<Resources>) -> Result<M> {
        match self {
            ModuleSource::Construct(construct) => construct(Arc::clone(resources)).await,
            ModuleSource::Value(value) => lock(value)
                .take()
                .ok_or_else(|| Error::msg("the module was made by who attached it, once")),
        }
    }
}

/// Makes a module, as often as need be.
pub(super) struct Supervisor<M: Module> {
    pub(super) source: Arc<ModuleSource<ValueOf<M>>>,
    pub(super) resources: Arc<Resources>,
    pub(super) mediator: Arc<Mediator>,
    pub(super) background: Arc<BackgroundTasks>,
    pub(super) cell: Arc<CellOf<M>>,
    pub(super) life: Arc<Life>,
    /// The module's own unit of work.
    pub(super) module_handle: Handle,
    history: CrashHistory,
    /// Since when the module runs, if it does.
    running_since: Option<Instant>,
}

/// What becomes of a module that has crashed.
enum AfterCrash {
    /// It is restarted after that wait.
    Restart(Duration),
    /// It is left alone for that long, and then restarted.
    CrashLoop(Duration),
    Stop,
}

impl<M: Module> Supervisor<M> {
    /// Stops a module that is not made again.
    fn stop(&self, crash: Crash) {
        self.life.be(ModuleState::Stopped);
        self.cell.stop();
        report_stopped(&self.module_handle, self.name(), self.policy(), crash);
    }
}

/// Why there is no module.
enum Failed {
    /// It said so.
    Error(Error),
    /// It panicked.
    Crash(Error),
}

impl Failed {
    fn into_error(self) -> Error {
        match self {
            Failed::Error(error) | Failed::Crash(error) => error,
        }
    }
}

impl<M: Module> Supervisor<M> {
    pub(super) fn new(
        source: Arc<ModuleSource<ValueOf<M>>>,
        resources: Arc<Resources>,
        mediator: Arc<Mediator>,
        background: Arc<BackgroundTasks>,
        cell: Arc<CellOf<M>>,
        life: Arc<Life>,
    ) -> Self {
        let scope = Scope::new(Arc::clone(&mediator), ScopeKind::Standing);
        Supervisor {
            module_handle: Handle::new(Arc::new(scope), Origin::Hook),
            source,
            resources,
            mediator,
            background,
            cell,
            life,
            history: CrashHistory::default(),
            running_since: None,
        }
    }

    /// The policy of the module.
    fn policy(&self) -> RestartPolicy {
        M::descriptor().restart
    }

    /// The first module. An error of its `#[init]` or `#[on_start]` is final; after a panic there it is made
    /// again.
    pub(super) async fn first(&mut self) -> Result<ValueOf<M>> {
        loop {
            match self.make().await {
                Ok(module) => return Ok(module),
                Err(Failed::Error(error)) => return Err(error),
                Err(Failed::Crash(error)) => {
                    let AfterCrash::Restart(wait) = self.judge_crash() else {
                        return Err(error);
                    };
                    tracing::warn!(module = self.name(), error = %Escaped(&error), "the module crashed while it started");
                    self.wait(wait).await;
                }
            }
        }
    }

    /// The module is there: its background tasks begin.
    pub(super) fn mark_started(&mut self) {
        self.running_since = Some(Instant::now());
        self.life.be(ModuleState::Running);
        self.background.start::<M>(&self.mediator, &self.cell);
    }

    /// A module in place of one that has crashed, of which the runner may have messages still. `None` if
    /// there will be none: it is stopped, or is to end.
    pub(super) async fn again(
        &mut self,
        runner: &mut impl ModuleRunner<ValueOf<M>>,
        mut crash: Crash,
    ) -> Option<ValueOf<M>> {
        self.life.be(ModuleState::Restarting);
        self.background.cut_off();
        loop {
            match self.judge_crash() {
                AfterCrash::Restart(wait) => runner.meanwhile(self.wait(wait)).await,
                AfterCrash::CrashLoop(wait) => {
                    self.begin_crash_loop(runner, wait, &crash);
                    if !runner.meanwhile(self.wait_for_try(wait)).await {
                        self.cell.stop();
                        return None;
                    }
                }
                AfterCrash::Stop => {
                    self.stop(crash);
                    return None;
                }
            }
            match runner.meanwhile(self.make()).await {
                Ok(module) => {
                    self.mark_restarted(crash);
                    return Some(module);
                }
                Err(failed) => {
                    let error = failed.into_error();
                    tracing::warn!(module = self.name(), error = %Escaped(&error), "the module crashed while it restarted");
                    crash.reason = error.to_string();
                }
            }
        }
    }

    /// There is another module, which begins to run.
    fn mark_restarted(&self, crash: Crash) {
        self.life.be(ModuleState::Restarting);
        // Before the restart is reported: a handler of the report may send to the module.
        self.cell.end_crash_loop();
        let restarts = self.life.count_restart();
        report_restarted(&self.module_handle, self.name(), restarts, crash);
    }

    /// Refuses messages until the next try, and gives up those that wait.
    fn begin_crash_loop(
        &self,
        runner: &mut impl ModuleRunner<ValueOf<M>>,
        wait: Duration,
        crash: &Crash,
    ) {
        self.life.be(ModuleState::CrashLooping);
        self.cell.begin_crash_loop(in_future(wait));
        runner.give_up_taken();
        let restarts = self.life.restarts();
        report_crash_looping(&self.module_handle, self.name(), restarts, wait, crash);
    }

    /// Waits for the next try. Says whether there is one: a module that is not needed any more ends at once.
    async fn wait_for_try(&self, wait: Duration) -> bool {
        let tried = async {
            sleep(wait).await;
            true
        };
        let ending = async {
            race(self.mediator.stopping.begun(), self.life.ending()).await;
            false
        };
        race(ending, tried).await
    }

    /// Counts a crash, and says what becomes of the module.
    fn judge_crash(&mut self) -> AfterCrash {
        let policy = self.policy();
        let ran_for = self.running_since.take().map(|since| since.elapsed());
        let judgement = self.history.count(policy, ran_for);
        if !policy.makes_anew() || !self.source.is_repeatable() {
            return AfterCrash::Stop;
        }
        match judgement {
            // Longer each time, and not in step with others who crashed of the same.
            CrashJudgement::Restart { crashes } => {
                AfterCrash::Restart(BACKOFF.wait(crashes, &self.mediator.chance))
            }
            // The system stops with an essential module, and its supervisor restarts the process.
            CrashJudgement::CrashLoop(_) if policy.is_essential => AfterCrash::Stop,
            CrashJudgement::CrashLoop(wait) => AfterCrash::CrashLoop(wait),
        }
    }

    /// Waits before the module is made again. A system that stops has no time for that.
    async fn wait(&self, wait: Duration) {
        race(sleep(wait), self.mediator.stopping.begun()).await;
    }

    /// Makes the module and runs its `#[on_start]`, in which it may wait for others.
    async fn make(&self) -> Result<ValueOf<M>, Failed> {
        waiting::run(self.cell.waiter().number(), self.make_now()).await
    }

    async fn make_now(&self) -> Result<ValueOf<M>, Failed> {
        let mut module = unpanicked(catch(self.source.make(&self.resources)).await)?;
        let ctx = Context::<M>::new(self.module_handle.clone());
        unpanicked(catch(CellOf::<M>::on_start(&mut module, &ctx)).await)?;
        Ok(module)
    }

    fn name(&self) -> &'static str {
        M::descriptor().declaration.name
    }
}

// The reports do not depend on the module's type, so that they are compiled once.

fn report_stopped(handle: &Handle, module: &'static str, policy: RestartPolicy, crash: Crash) {
    let Crash {
        reason,
        is_of_report,
    } = crash;
    let is_essential = policy.is_essential;
    tracing::error!(module, reason, is_essential, "the module is stopped");
    let demand = is_essential.then(|| {
        format!(
            "the system stopped because it cannot do without `{module}`, which stopped: {reason}"
        )
    });
    if !is_of_report {
        announce(handle, || ModuleStopped {
            module: module.to_owned(),
            reason,
        });
    }
    if let Some(demand) = demand {
        handle.scope.mediator.stopping.demand(demand);
    }
}

fn report_restarted(handle: &Handle, module: &'static str, restarts: u64, crash: Crash) {
    let Crash {
        reason,
        is_of_report,
    } = crash;
    tracing::warn!(module, restarts, reason, "the module was restarted");
    if !is_of_report {
        announce(handle, || ModuleRestarted {
            module: module.to_owned(),
            restarts,
            reason,
        });
    }
}

fn report_crash_looping(
    handle: &Handle,
    module: &'static str,
    restarts: u64,
    wait: Duration,
    crash: &Crash,
) {
    let reason = &crash.reason;
    tracing::error!(
        module,
        restarts,
        reason,
        ?wait,
        "the module is crash-looping"
    );
    if !crash.is_of_report {
        announce(handle, || ModuleCrashLooping {
            module: module.to_owned(),
            restarts,
            reason: reason.clone(),
            retry_in_millis: wait.as_millis() as u64,
        });
    }
}

fn unpanicked<T>(result: Result<Result<T>, crate::guarded::PanicPayload>) -> Result<T, Failed> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failed::Error(error)),
        Err(panic) => Err(Failed::Crash(panicked(&*panic))),
    }
}
