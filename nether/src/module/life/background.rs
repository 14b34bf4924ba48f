//! [`Background`]: a module's `#[background]` tasks, tied to its life.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OnceCell, watch};
use tokio::task::JoinSet;

use crate::context::{Context, Handle, Origin};
use crate::error::Result;
use crate::guarded::{Shielded, catch, panic_text};
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
    tasks: Vec<BackgroundTask>,
}

struct BackgroundTask {
    future: BoxFuture<Result<()>>,
    /// Whether the module is of no use without it.
    is_vital: bool,
}

impl<M: Module> Background<M> {
    /// A task that does not see the module.
    pub fn run<F>(&mut self, task: impl FnOnce(Context<M>) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.tasks.push(BackgroundTask {
            future: Box::pin(task(self.ctx.clone())),
            is_vital: false,
        });
    }

    /// A task of a shared module.
    pub fn run_shared<F>(&mut self, task: impl FnOnce(Arc<M>, Context<M>) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.push_shared(task, false);
    }

    /// A task without which a shared module is of no use: an error of it crashes the module, as a panic does.
    #[cfg(feature = "eventstore")]
    pub(crate) fn run_vital<F>(&mut self, task: impl FnOnce(Arc<M>, Context<M>) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.push_shared(task, true);
    }

    fn push_shared<F>(&mut self, task: impl FnOnce(Arc<M>, Context<M>) -> F, is_vital: bool)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        if let Some(module) = &self.shared {
            self.tasks.push(BackgroundTask {
                future: Box::pin(task(Arc::clone(module), self.ctx.clone())),
                is_vital,
            });
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
#[derive(Debug)]
pub(super) struct BackgroundTasks {
    state: Mutex<BackgroundState>,
    /// Has a receiver for as long as there is a task that has begun and not ended.
    begun: Arc<watch::Sender<()>>,
}

impl Default for BackgroundTasks {
    fn default() -> Self {
        BackgroundTasks {
            state: Mutex::default(),
            begun: Arc::new(watch::channel(()).0),
        }
    }
}

/// What the tasks of one module value hold while they run. The first of them gets it, once those of the value
/// before have ended: a task that is aborted ends where it awaits next, which may take a while.
type WorkPermit = OnceCell<watch::Receiver<()>>;

#[derive(Debug, Default)]
struct BackgroundState {
    /// Whether the module stops. Tasks that have not started by then never do.
    is_stopping: bool,
    running: Option<RunningTasks>,
    /// The scope of the tasks of the module value that is there.
    current: Weak<Scope>,
}

#[derive(Debug)]
struct RunningTasks {
    /// The scope of all of them. Its cancellation notifies them that the module stops.
    handle: Handle,
    running: JoinSet<()>,
}

impl BackgroundTasks {
    /// Starts the tasks of a module. One that panics crashes it.
    pub(super) fn start<M: Module>(
        self: &Arc<Self>,
        mediator: &Arc<Mediator>,
        cell: &Arc<CellOf<M>>,
    ) {
        let scope = Arc::new(Scope::new(Arc::clone(mediator), ScopeKind::Standing));
        let handle = Handle::new(scope, Origin::External);
        let mut background = Background {
            ctx: Context::<M>::new(handle.clone()),
            shared: cell.shared(),
            tasks: Vec::new(),
        };
        M::background(&mut background);
        let mut state = lock(&self.state);
        if state.is_stopping {
            return;
        }
        let (mut running, turn) = (JoinSet::new(), Arc::new(WorkPermit::new()));
        for task in background.tasks {
            let (begun, turn) = (Arc::clone(&self.begun), Arc::clone(&turn));
            let tasks = Arc::downgrade(self);
            let watched = run_watched::<M>(task, handle.clone(), Arc::clone(cell), tasks);
            // Boxed, so that tokio's part of a task is compiled once and not for each module.
            let in_turn: BoxFuture<()> = Box::pin(async move {
                turn.get_or_init(|| wait_for_others(&begun)).await;
                watched.await;
            });
            running.spawn(in_turn);
        }
        state.current = Arc::downgrade(&handle.scope);
        if !running.is_empty() {
            state.running = Some(RunningTasks { handle, running });
        }
    }

    /// Ends those of a module that has crashed.
    pub(super) fn cut_off(&self) {
        let mut state = lock(&self.state);
        state.current = Weak::new();
        let tasks = state.running.take();
        drop(state);
        if let Some(tasks) = &tasks {
            tasks.handle.scope.cancel();
        }
    }

    /// Lets the module crash, unless the task was one of a value before, which may end late: its module has
    /// crashed already.
    fn crash(&self, scope: &Arc<Scope>, crash: impl FnOnce()) {
        let state = lock(&self.state);
        if state.current.as_ptr() == Arc::as_ptr(scope) {
            crash();
        }
    }

    /// Makes a change to the module, unless it stops.
    pub(super) fn unless_stopping(&self, change: impl FnOnce()) {
        let state = lock(&self.state);
        if !state.is_stopping {
            change();
        }
    }

    /// Tells them to stop.
    pub(super) fn stop(&self) {
        let mut state = lock(&self.state);
        state.is_stopping = true;
        if let Some(tasks) = &state.running {
            tasks.handle.scope.cancel();
        }
    }

    /// Waits until they have ended. Dropped before that, it ends them.
    pub(super) async fn ended(&self) {
        let tasks = lock(&self.state).running.take();
        if let Some(mut tasks) = tasks {
            while tasks.running.join_next().await.is_some() {}
        }
        // Those of a module value that crashed may be ending still.
        self.begun.closed().await;
    }
}

async fn wait_for_others(begun: &watch::Sender<()>) -> watch::Receiver<()> {
    begun.closed().await;
    begun.subscribe()
}

async fn run_watched<M: Module>(
    task: BackgroundTask,
    handle: Handle,
    cell: Arc<CellOf<M>>,
    tasks: Weak<BackgroundTasks>,
) {
    let ended = catch(task.future).await;
    let resumes = M::descriptor().restart.resumes();
    let crash = match &ended {
        Err(panic) if !resumes => Some(panic_text(&**panic)),
        Ok(Err(error)) if task.is_vital => Some(Shielded::new(error).to_string()),
        _ => None,
    };
    report_task(
        "#[background]",
        ended,
        &handle,
        &M::descriptor().declaration,
    );
    if let (Some(reason), Some(tasks)) = (crash, tasks.upgrade()) {
        tasks.crash(&handle.scope, || cell.crash(reason));
    }
}
