//! [`Instance`]: one running value of a module type, from its making to its `#[on_stop]`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::{SetOnce, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::{Error, Result, WaitEdge};
use crate::mediator::{Erased, InstanceId, Mediator, number_instance};
use crate::message::MessageDescriptor;
use crate::module::background::BackgroundTasks;
use crate::module::cell::{CellOf, ModuleCell, Routes};
use crate::module::descriptor::Instances;
use crate::module::restart::{Life, ModuleState, Supervisor};
use crate::module::supervision::report_task;
use crate::module::{Construct, Launch, Module, ModuleDescriptor};
use crate::resources::Resources;
use crate::route::BoxFuture;
use crate::sync::lock;

/// Makes the instances of a module that the framework constructs.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub fn launch<M: Module + Construct>(launch: Launch) -> Instances {
    let cells = cells::<M>(&launch, M::descriptor().instances);
    let instance = |index| {
        let source = ModuleSource::Construct(|resources| Box::pin(construct(resources)));
        Arc::new(Instance::<M>::new(&launch, &cells, index, source)) as _
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
        cell
    };
    (0..instances).map(cell).collect()
}

async fn construct<M: Module + Construct>(resources: Arc<Resources>) -> Result<M> {
    M::construct(&resources).await
}

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

/// One running value of a module type.
pub(crate) struct Instance<M: Module> {
    id: InstanceId,
    /// Which of the module's instances it is.
    index: usize,
    cell: Arc<CellOf<M>>,
    /// Those of all instances, if this is the first one.
    cells: Vec<Arc<CellOf<M>>>,
    mediator: Arc<Mediator>,
    source: Arc<ModuleSource<M>>,
    background: Arc<BackgroundTasks>,
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
        source: ModuleSource<M>,
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
            life: Arc::default(),
            task: Mutex::default(),
            ended: Arc::new(SetOnce::new()),
        }
    }

    /// An instance of a value that is attached by hand.
    pub(crate) fn attached(launch: &Launch, module: M) -> Arc<dyn AnyInstance> {
        let source = ModuleSource::Value(Mutex::new(Some(module)));
        Arc::new(Instance::new(launch, &cells::<M>(launch, 1), 0, source))
    }

    async fn start(&self, resources: Arc<Resources>) -> Result<()> {
        let supervisor = Supervisor::new(
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
            ended: Arc::clone(&self.ended),
            mediator: Arc::clone(&self.mediator),
        };
        let waiter = self.cell.waiter().cloned();
        // Boxed, so that tokio's part of a task is compiled once and not for each module.
        let life: BoxFuture<()> = Box::pin(async move {
            let _end = end;
            let living = live(supervisor, started);
            match waiter {
                Some(waiter) => waiter.run(living).await,
                None => living.await,
            }
        });
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
    ended: Arc<SetOnce<()>>,
    mediator: Arc<Mediator>,
}

impl<M: Module> Drop for EndNotice<M> {
    fn drop(&mut self) {
        self.cell.give_up();
        self.life.be(ModuleState::Stopped);
        let _ = self.ended.set(());
        self.mediator.stopping.notify_quiet();
    }
}

/// The life of a module: it is made, handles its messages, is made anew when it crashes, and at last runs its
/// `#[on_stop]`.
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
    let serving = Arc::clone(&cell).serve(module, supervisor, started);
    let ended = serving.await;
    cell.give_up();
    report_task(
        "#[on_stop]",
        ended,
        &module_handle,
        &M::descriptor().declaration,
    );
}

/// An instance, whatever its type.
#[doc(hidden)]
#[allow(private_interfaces, missing_docs)] // Named by the hidden `ModuleDescriptor`; nobody outside calls it.
pub trait AnyInstance: Send + Sync + fmt::Debug {
    fn id(&self) -> InstanceId;
    /// Which of its module's instances it is.
    fn index(&self) -> usize;
    fn descriptor(&self) -> &'static ModuleDescriptor;
    /// The ways to it and to the other instances of its module, if it is the first one.
    fn routes(&self) -> Vec<(&'static MessageDescriptor, Erased)>;
    /// Makes the module and runs its `#[on_start]`.
    fn start(self: Arc<Self>, resources: Arc<Resources>) -> BoxFuture<Result<()>>;
    /// Tells its background tasks to stop.
    fn stop_background(&self);
    /// Accepts nothing more.
    fn close(&self);
    /// Closes it, and waits until all it accepted is handled, its background tasks have ended, and
    /// `#[on_stop]` is done.
    fn stop(self: Arc<Self>) -> BoxFuture<()>;
    /// Cuts off what still runs, and turns what waits into dead letters, also if it was never started.
    fn cut_off(self: Arc<Self>) -> BoxFuture<()>;
    /// How many messages were ever accepted.
    fn accepted(&self) -> u64;
    /// How many messages ended. Read before `accepted`: equal, they mean that the module was idle in between.
    fn ended(&self) -> u64;
    /// What it did, and what it has to do.
    fn work(&self) -> WorkCounts;
    /// How its life goes.
    fn life(&self) -> &Life;
    /// What it is doing.
    fn state(&self) -> ModuleState;
    /// What it is handling.
    fn handling(&self) -> Vec<BeingHandled>;
    /// Whom it waits for, if it is exclusive.
    fn waits(&self) -> Vec<WaitEdge>;
    /// Holds it up, or lets it go on.
    fn pause(&self, is_paused: bool);
}

/// A message that is being handled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BeingHandled {
    /// What tells it from others of the same instance.
    pub(crate) turn: u64,
    /// The slot of its type.
    pub(crate) slot: usize,
    /// When it began, if that is known.
    pub(crate) since: Option<Instant>,
    /// Whether it is a consequence of a report.
    pub(crate) is_of_report: bool,
}

/// What a module did, and what it has to do.
#[derive(Debug, Clone)]
pub(crate) struct WorkCounts {
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    /// How many messages wait in its mailbox.
    pub(crate) waiting: usize,
    /// For how many its mailbox has room, if it has one.
    pub(crate) room: Option<usize>,
    /// Dead letters, by message name.
    pub(crate) letters: BTreeMap<&'static str, u64>,
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
        self.cell.close();
    }

    fn stop(self: Arc<Self>) -> BoxFuture<()> {
        Box::pin(async move {
            self.background.stop();
            self.background.ended().await;
            self.cell.pause(false);
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
        WorkCounts {
            handled: tally.handled(),
            failed: tally.failed(),
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

    fn handling(&self) -> Vec<BeingHandled> {
        self.cell.handling()
    }

    fn waits(&self) -> Vec<WaitEdge> {
        let waiter = self.cell.waiter();
        waiter.map_or_else(Vec::new, |waiter| waiter.waits())
    }

    fn pause(&self, is_paused: bool) {
        self.cell.pause(is_paused);
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
