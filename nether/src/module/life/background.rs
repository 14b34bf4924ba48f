//! [`Background`]: a module's `#[background]` tasks, tied to its life.

use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use crate::context::{Context, Handle, Origin};
use crate::error::Result;
use crate::guarded::{catch, said};
use crate::mediator::Mediator;
use crate::module::Module;
use crate::module::cell::ModuleCell;
use crate::module::handler::report_task;
use crate::module::mode::CellOf;
use crate::route::BoxFuture;
use crate::scope::{Scope, ScopeKind};
use crate::sync::lock;

/// Collects the background tasks of a module.
#[doc(hidden)]
pub struct Background<M: Module> {
    ctx: Context<M>,
    shared: Option<Arc<M>>,
    tasks: Vec<BoxFuture<Result<()>>>,
}

impl<M: Module> Background<M> {
    /// A task that does not see the module.
    pub fn run<F>(&mut self, task: impl FnOnce(Context<M>) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.tasks.push(Box::pin(task(self.ctx.clone())));
    }

    /// A task of a shared module.
    pub fn run_shared<F>(&mut self, task: impl FnOnce(Arc<M>, Context<M>) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        if let Some(module) = &self.shared {
            self.tasks
                .push(Box::pin(task(Arc::clone(module), self.ctx.clone())));
        }
    }
}

impl<M: Module> fmt::Debug for Background<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

/// The background tasks of one module.
#[derive(Debug, Default)]
pub(super) struct BackgroundTasks(Mutex<BackgroundState>);

#[derive(Debug, Default)]
struct BackgroundState {
    /// Whether the module stops. Tasks that have not started by then never do.
    is_stopping: bool,
    running: Option<RunningTasks>,
}

#[derive(Debug)]
struct RunningTasks {
    /// The scope of all of them. Cancelled, it tells them that the module stops.
    handle: Handle,
    running: JoinSet<()>,
}

impl BackgroundTasks {
    /// Starts the tasks of a module. One that panics crashes it.
    pub(super) fn start<M: Module>(&self, mediator: &Arc<Mediator>, cell: &Arc<CellOf<M>>) {
        let scope = Arc::new(Scope::new(Arc::clone(mediator), ScopeKind::Standing));
        let handle = Handle::new(scope, Origin::External);
        let mut background = Background {
            ctx: Context::<M>::new(handle.clone()),
            shared: cell.shared(),
            tasks: Vec::new(),
        };
        M::background(&mut background);
        let mut state = lock(&self.0);
        if state.is_stopping {
            return;
        }
        let mut running = JoinSet::new();
        for task in background.tasks {
            // Boxed, so that tokio's part of a task is compiled once and not for each module.
            let watched: BoxFuture<()> =
                Box::pin(watch::<M>(task, handle.clone(), Arc::clone(cell)));
            running.spawn(watched);
        }
        if !running.is_empty() {
            state.running = Some(RunningTasks { handle, running });
        }
    }

    /// Ends those of a module that has crashed.
    pub(super) fn cut_off(&self) {
        let tasks = lock(&self.0).running.take();
        if let Some(tasks) = &tasks {
            tasks.handle.scope.cancel();
        }
    }

    /// Tells them to stop.
    pub(super) fn stop(&self) {
        let mut state = lock(&self.0);
        state.is_stopping = true;
        if let Some(tasks) = &state.running {
            tasks.handle.scope.cancel();
        }
    }

    /// Waits until they have ended. Dropped before that, it ends them.
    pub(super) async fn ended(&self) {
        let tasks = lock(&self.0).running.take();
        if let Some(mut tasks) = tasks {
            while tasks.running.join_next().await.is_some() {}
        }
    }
}

async fn watch<M: Module>(task: BoxFuture<Result<()>>, handle: Handle, cell: Arc<CellOf<M>>) {
    let ended = catch(task).await;
    let resumes = M::descriptor().restart.resumes();
    let panic = ended.as_ref().err().filter(|_| !resumes);
    let crash = panic.map(|panic| said(&**panic));
    report_task(
        "#[background]",
        ended,
        &handle,
        &M::descriptor().declaration,
    );
    if let Some(reason) = crash {
        cell.crash(reason);
    }
}
