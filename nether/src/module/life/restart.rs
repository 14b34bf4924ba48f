//! [`Supervisor`]: makes a module, and restarts it when it has crashed, until it crashes too often.
//!
//! As in Erlang/OTP a module that fails is not repaired but replaced, by what made it at first, and so often
//! within a time ("restart intensity"); past that, whatever is wrong does not go away by itself, and the
//! module is stopped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::context::{Context, Handle, Origin, announce};
use crate::error::{Error, Result};
use crate::events::{ModuleRestarted, ModuleStopped};
use crate::guarded::{catch, panicked};
use crate::mediator::Mediator;
use crate::module::Module;
use crate::module::cell::ModuleCell;
use crate::module::life::background::BackgroundTasks;
use crate::module::life::{Life, ModuleState};
use crate::module::mode::CellOf;
use crate::module::policy::{Backoff, Restart, RestartPolicy};
use crate::module::tally::Crash;
use crate::race::race;
use crate::resources::Resources;
use crate::route::BoxFuture;
use crate::scope::{Scope, ScopeKind};
use crate::sync::lock;

/// The wait before a restart.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(10),
    longest: Duration::from_secs(10),
};

/// Where the module value comes from.
pub(super) enum ModuleSource<M> {
    /// From its `#[init]` or `Default`, as often as need be.
    Construct(fn(Arc<Resources>) -> BoxFuture<Result<M>>),
    /// From whoever attached it, once.
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
    pub(super) source: Arc<ModuleSource<M>>,
    pub(super) resources: Arc<Resources>,
    pub(super) mediator: Arc<Mediator>,
    pub(super) background: Arc<BackgroundTasks>,
    pub(super) cell: Arc<CellOf<M>>,
    pub(super) life: Arc<Life>,
    /// The module's own unit of work.
    pub(super) module_handle: Handle,
    /// When it crashed, within the time that counts.
    crashes: VecDeque<Instant>,
}

impl<M: Module> Supervisor<M> {
    /// Stops a module that is not made again.
    fn stop(&self, crash: Crash) {
        let Crash {
            reason,
            is_of_report,
        } = crash;
        self.life.be(ModuleState::Stopped);
        let module = M::descriptor().declaration.name;
        let is_essential = M::descriptor().restart.is_essential;
        tracing::error!(module, reason, is_essential, "the module is stopped");
        self.cell.stop();
        if !is_of_report {
            announce(&self.module_handle, || ModuleStopped {
                module: module.to_owned(),
                reason,
            });
        }
        if is_essential {
            self.mediator.stopping.demand();
        }
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
        source: Arc<ModuleSource<M>>,
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
            crashes: VecDeque::new(),
        }
    }

    /// The policy of the module.
    fn policy(&self) -> RestartPolicy {
        M::descriptor().restart
    }

    /// The first module. An error of its `#[init]` or `#[on_start]` is final; after a panic there it is made
    /// again.
    pub(super) async fn first(&mut self) -> Result<M> {
        loop {
            match self.make().await {
                Ok(module) => return Ok(module),
                Err(Failed::Error(error)) => return Err(error),
                Err(Failed::Crash(error)) => {
                    if !self.plan_restart() {
                        return Err(error);
                    }
                    tracing::warn!(module = self.name(), %error, "the module crashed while it started");
                    self.wait().await;
                }
            }
        }
    }

    /// The module is there: its background tasks begin.
    pub(super) fn mark_started(&self) {
        self.life.be(ModuleState::Running);
        self.background.start::<M>(&self.mediator, &self.cell);
    }

    /// A module in place of one that has crashed. `None` if it has crashed too often: then it is stopped, and
    /// what waits becomes dead letters.
    pub(super) async fn again(&mut self, mut crash: Crash) -> Option<M> {
        self.life.be(ModuleState::Restarting);
        self.background.cut_off();
        while self.plan_restart() {
            self.wait().await;
            match self.make().await {
                Ok(module) => {
                    let restarts = self.life.count_restart();
                    tracing::warn!(
                        module = self.name(),
                        restarts,
                        reason = crash.reason,
                        "the module was restarted"
                    );
                    if !crash.is_of_report {
                        announce(&self.module_handle, || ModuleRestarted {
                            module: self.name().to_owned(),
                            restarts,
                            reason: crash.reason,
                        });
                    }
                    return Some(module);
                }
                Err(failed) => {
                    let error = failed.into_error();
                    tracing::warn!(module = self.name(), %error, "the module crashed while it restarted");
                    crash.reason = error.to_string();
                }
            }
        }
        self.stop(crash);
        None
    }

    /// Counts a crash, and says whether the module is made again after it.
    fn plan_restart(&mut self) -> bool {
        let policy = self.policy();
        let now = Instant::now();
        while self
            .crashes
            .front()
            .is_some_and(|crash| now - *crash >= policy.within)
        {
            self.crashes.pop_front();
        }
        self.crashes.push_back(now);
        policy.restart == Restart::Always
            && self.source.is_repeatable()
            && self.crashes.len() <= policy.max_restarts as usize
    }

    /// Waits before it is made again: longer each time, and not in step with others who crashed of the same.
    /// A system that stops has no time for that.
    async fn wait(&self) {
        let wait = BACKOFF.wait(self.crashes.len() as u32, &self.mediator.chance);
        race(sleep(wait), self.mediator.stopping.begun()).await;
    }

    /// Makes the module and runs its `#[on_start]`, in which it may wait for others.
    async fn make(&self) -> Result<M, Failed> {
        Arc::clone(self.cell.waiter()).run(self.make_now()).await
    }

    async fn make_now(&self) -> Result<M, Failed> {
        let mut module = unpanicked(catch(self.source.make(&self.resources)).await)?;
        let ctx = Context::<M>::new(self.module_handle.clone());
        unpanicked(catch(M::on_start(&mut module, &ctx)).await)?;
        Ok(module)
    }

    fn name(&self) -> &'static str {
        M::descriptor().declaration.name
    }
}

fn unpanicked<T>(result: Result<Result<T>, crate::guarded::PanicPayload>) -> Result<T, Failed> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failed::Error(error)),
        Err(panic) => Err(Failed::Crash(panicked(&*panic))),
    }
}
