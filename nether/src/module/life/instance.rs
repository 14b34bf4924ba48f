//! [`Instance`]: one running value of a module type, from its making to its `#[on_stop]`.

use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::{SetOnce, oneshot};
use tokio::task::JoinHandle;

use crate::context::ModuleDelays;
use crate::error::{Error, Result, WaitEdge};
use crate::guarded::catch;
use crate::mediator::{Erased, InstanceId, Mediator, number_instance};
use crate::message::MessageDescriptor;
use crate::module::KeyedStatus;
use crate::module::cell::{ModuleCell, ModuleRunner, RunEnd};
use crate::module::descriptor::{AnyInstance, Instances};
use crate::module::handler::report_task;
use crate::module::lease::LeaseStatus;
use crate::module::life::background::BackgroundTasks;
use crate::module::life::progress::BeingHandled;
use crate::module::life::restart::{ModuleSource, Supervisor};
use crate::module::life::{Life, ModuleState};
use crate::module::mode::{CellOf, Mode, Routes, ValueOf};
use crate::module::tally::WorkCounts;
use crate::module::{Construct, Launch, Module, ModuleDescriptor, ModuleKind};
use crate::resources::Resources;
use crate::route::BoxFuture;
use crate::sync::lock;
use crate::waiting::{self, Waiter};

/// Makes the instances of a module that the framework constructs.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn launch<M>(launch: Launch) -> Instances
where
    M: Module + Construct,
    M::Handling: Mode<M, Value = M>,
{
    instances::<M>(&launch, |resources| Box::pin(construct(resources)))
}

/// Makes the instances of a module; each runs the value that `make` returns.
pub(crate) fn instances<M: Module>(
    launch: &Launch,
    make: fn(Arc<Resources>) -> BoxFuture<Result<ValueOf<M>>>,
) -> Instances {
    let cells = cells::<M>(launch, M::descriptor().instances);
    let instance = |index| {
        let source = ModuleSource::Construct(make);
        Arc::new(Instance::<M>::new(launch, &cells, index, source)) as _
    };
    (0..cells.len()).map(instance).collect()
}

/// The cells of so many instances.
fn cells<M: Module>(launch: &Launch, instances: usize) -> Vec<Arc<CellOf<M>>> {
    let descriptor = M::descriptor();
    let bound = descriptor.mailbox.unwrap_or(launch.mailbox);
    let cell = |_| {
        let cell = CellOf::<M>::new(bound, &descriptor.declaration, &launch.mediator);
        let cell = Arc::new(cell);
        if let Some(mailbox) = ModuleCell::<M>::mailbox(&cell) {
            launch.mediator.add_mailbox(mailbox);
        }
        ModuleCell::<M>::link(&cell);
        cell
    };
    (0..instances).map(cell).collect()
}

async fn construct<M: Module + Construct>(resources: Arc<Resources>) -> Result<M> {
    M::construct(&resources).await
}

/// One running value of a module type.
pub(crate) struct Instance<M: Module> {
    id: InstanceId,
    /// Which of the module's instances it is.
    index: usize,
    cell: Arc<CellOf<M>>,
    /// Those of all instances, if this is the first one.
    cells: Vec<Arc<CellOf<M>>>,
    mediator: Arc<Mediator>,
    source: Arc<ModuleSource<ValueOf<M>>>,
    background: Arc<BackgroundTasks>,
    /// What it sends later.
    delays: Arc<ModuleDelays>,
    /// What can be seen of it.
    life: Arc<Life>,
    /// The task that the module lives in, once it is started.
    task: Mutex<Option<JoinHandle<()>>>,
    /// Set when that task has come to its end by itself.
    ended: Arc<SetOnce<()>>,
}

impl<M: Module> Instance<M> {
    /// The instance behind one of these cells, which are those of all instances of the module.
    fn new(
        launch: &Launch,
        cells: &[Arc<CellOf<M>>],
        index: usize,
        source: ModuleSource<ValueOf<M>>,
    ) -> Self {
        Instance {
            id: number_instance(),
            index,
            cell: Arc::clone(&cells[index]),
            cells: if index == 0 {
                cells.to_vec()
            } else {
                Vec::new()
            },
            mediator: Arc::clone(&launch.mediator),
            source: Arc::new(source),
            background: Arc::default(),
            delays: ModuleDelays::of::<M>(&launch.mediator),
            life: Arc::default(),
            task: Mutex::default(),
            ended: Arc::new(SetOnce::new()),
        }
    }

    /// An instance of a value that is attached by hand.
    pub(crate) fn attached(launch: &Launch, module: M) -> Arc<dyn AnyInstance>
    where
        M::Handling: Mode<M, Value = M>,
    {
        let source = ModuleSource::Value(Mutex::new(Some(module)));
        Arc::new(Instance::<M>::new(
            launch,
            &cells::<M>(launch, 1),
            0,
            source,
        ))
    }

    async fn start(&self, resources: Arc<Resources>) -> Result<()> {
        M::descriptor().check_middleware(&self.mediator.resources.load())?;
        let supervisor = Supervisor::<M>::new(
            Arc::clone(&self.source),
            resources,
            Arc::clone(&self.mediator),
            Arc::clone(&self.background),
            Arc::clone(&self.cell),
            Arc::clone(&self.life),
        );
        let (started, has_started) = oneshot::channel();
        let end = EndNotice::<M> {
            cell: Arc::clone(&self.cell),
            life: Arc::clone(&self.life),
            delays: Arc::clone(&self.delays),
            ended: Arc::clone(&self.ended),
            mediator: Arc::clone(&self.mediator),
        };
        let module = match M::descriptor().kind {
            ModuleKind::Exclusive => self.cell.waiter().number(),
            ModuleKind::Shared | ModuleKind::Keyed => 0,
        };
        // Boxed, so that tokio's part of a task is compiled once and not for each module.
        let life: BoxFuture<()> = Box::pin(async move {
            let _end = end;
            waiting::run(module, live(supervisor, started)).await
        });
        self.delays.begin(); // Its `#[on_start]` may delay messages.
        self.mediator.watch.notify_busy();
        *lock(&self.task) = Some(self.mediator.runtime.spawn(life));
        has_started
            .await
            .unwrap_or_else(|_| Err(Error::msg("the module was stopped while it started")))
    }
}

/// Tells of a module's end when dropped, whatever the end was: also if its runtime is gone, and its task with
/// it. What still waits for the module is answered then.
struct EndNotice<M: Module> {
    cell: Arc<CellOf<M>>,
    life: Arc<Life>,
    delays: Arc<ModuleDelays>,
    ended: Arc<SetOnce<()>>,
    mediator: Arc<Mediator>,
}

impl<M: Module> Drop for EndNotice<M> {
    fn drop(&mut self) {
        self.cell.give_up();
        self.delays.end();
        self.life.be(ModuleState::Stopped);
        let _ = self.ended.set(());
        self.mediator.stopping.notify_quiet();
    }
}

/// The life of a module: it is made, and says that it has `started`; it works, and so do those that the
/// supervisor makes after it when it crashes, until their cell is closed and empty; then it runs `#[on_stop]`
/// and reports how that ended.
async fn live<M: Module>(mut supervisor: Supervisor<M>, started: oneshot::Sender<Result<()>>) {
    let cell = Arc::clone(&supervisor.cell);
    let module = match supervisor.first().await {
        Ok(module) => module,
        Err(error) => {
            cell.give_up();
            let _ = started.send(Err(error));
            return;
        }
    };
    let module_handle = supervisor.module_handle.clone();
    let mut runner = Arc::clone(&cell).runner(module_handle.clone());
    runner.put(module);
    supervisor.mark_started();
    let _ = started.send(Ok(()));
    let ended = loop {
        // Where a module spends its life: what else may panic is caught apart, as it comes.
        let ended = match runner.run().await {
            Ok(RunEnd::Crashed(crash)) => catch(supervisor.again(&mut runner, crash)).await,
            Ok(RunEnd::Closed) => break catch(end(runner)).await,
            Err(panic) => Err(panic),
        };
        match ended {
            Ok(Some(module)) => runner.put(module),
            Ok(None) => break catch(let_go(runner)).await,
            Err(panic) => break catch(let_go(runner)).await.and(Err(panic)),
        }
        supervisor.mark_started();
    };
    cell.give_up();
    report_task(
        "#[on_stop]",
        ended,
        &module_handle,
        &M::descriptor().declaration,
    );
}

/// Ends a module whose cell is closed and empty.
async fn end<V>(mut runner: impl ModuleRunner<V>) -> Result<()> {
    runner.on_stop().await
}

/// Ends what has no module any more.
async fn let_go<V>(runner: impl ModuleRunner<V>) -> Result<()> {
    drop(runner);
    Ok(())
}

#[allow(private_interfaces)]
impl<M: Module> AnyInstance for Instance<M> {
    fn id(&self) -> InstanceId {
        self.id
    }

    fn index(&self) -> usize {
        self.index
    }

    fn descriptor(&self) -> &'static ModuleDescriptor {
        M::descriptor()
    }

    fn routes(&self) -> Vec<(&'static MessageDescriptor, Erased)> {
        if self.cells.is_empty() {
            return Vec::new();
        }
        Routes::<M>::of(&self.cells)
    }

    fn start(self: Arc<Self>, resources: Arc<Resources>) -> BoxFuture<Result<()>> {
        Box::pin(async move { Instance::start(&self, resources).await })
    }

    fn stop_background(&self) {
        self.background.stop();
    }

    fn close(&self) {
        self.delays.end();
        self.life.end();
        self.cell.close();
    }

    fn stop(self: Arc<Self>) -> BoxFuture<()> {
        Box::pin(async move {
            self.delays.end();
            self.background.stop();
            // Its background tasks may wait for its replies. From now on it is not paused again.
            self.cell.pause(false);
            self.background.ended().await;
            self.life.end();
            self.cell.close();
            if lock(&self.task).is_some() {
                self.ended.wait().await;
            }
        })
    }

    fn cut_off(self: Arc<Self>) -> BoxFuture<()> {
        Box::pin(async move {
            self.cell.give_up();
            let task = lock(&self.task).take();
            if let Some(task) = task {
                task.abort();
                let _ = task.await;
            }
            self.cell.cut_off().await;
            self.life.be(ModuleState::Stopped);
            let _ = self.ended.set(()); // For a `stop` that waits, too.
        })
    }

    fn accepted(&self) -> u64 {
        self.cell.accepted()
    }

    fn ended(&self) -> u64 {
        self.cell.tally().ended()
    }

    fn work(&self) -> WorkCounts {
        let tally = self.cell.tally();
        let refused = tally.refused();
        WorkCounts {
            handled: tally.handled(),
            failed: tally.broken() + refused,
            refused,
            waiting: self.cell.waiting(),
            room: self.cell.room(),
            letters: tally.letters(),
        }
    }

    fn life(&self) -> &Life {
        &self.life
    }

    fn state(&self) -> ModuleState {
        match self.life.state() {
            ModuleState::Running if self.cell.is_paused() => ModuleState::Paused,
            state => state,
        }
    }

    fn lease(&self) -> Option<LeaseStatus> {
        M::lease(&*self.cell.shared()?)
    }

    fn keyed(&self) -> Option<KeyedStatus> {
        self.cell.keyed()
    }

    fn handling(&self) -> Vec<BeingHandled> {
        self.cell.handling()
    }

    fn waits(&self) -> Vec<WaitEdge> {
        self.cell.waiter().waits()
    }

    fn waiter(&self) -> &Waiter {
        self.cell.waiter()
    }

    fn pause(&self, is_paused: bool) {
        if is_paused {
            self.background.unless_stopping(|| self.cell.pause(true));
        } else {
            self.cell.pause(false);
        }
    }
}

impl<M: Module> fmt::Debug for Instance<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id)
            .field("module", &M::descriptor().declaration.name)
            .finish()
    }
}
