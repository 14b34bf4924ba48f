//! Checks a program and starts it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::error::{StartError, StartProblem};
use crate::escaped::Escaped;
use crate::mediator::{Handler, InstanceId, Mediator, Settings};
use crate::module::{AnyInstance, Launch, ModuleDescriptor};
use crate::recorder::Recorder;
use crate::registry::{Program, Registry, check, start_order};
use crate::resources::Resources;
use crate::system::watch::watch;
use crate::system::{System, SystemBuilder, SystemInner};
use crate::waiting::ModuleWait;

impl SystemBuilder {
    /// Checks the whole program and what is provided, without starting anything. For an
    /// [isolated](SystemBuilder::isolated) system, only what is provided is checked.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn verify(&self) -> Result<(), StartError> {
        verify(self)
    }

    /// Checks the whole program and starts its modules.
    ///
    /// Modules start side by side, each after those it names in `after`. If one of them fails, those that had
    /// started are stopped again. A message to a module that has not started yet waits for it.
    ///
    /// # Errors
    /// Every problem at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime, or in one without timers (`enable_time`).
    pub async fn start(self) -> Result<System, StartError> {
        start(self).await
    }
}

/// Checks all but resources.
pub(super) fn verify_without_resources() -> Result<(), StartError> {
    let registry = Registry::of_program();
    into_result(check(&Program {
        messages: &registry.messages,
        modules: &registry.modules,
        resources: None,
        world: None,
    }))
}

fn verify(builder: &SystemBuilder) -> Result<(), StartError> {
    let again = builder.resources.provided_again().iter();
    let mut problems: Vec<StartProblem> = again
        .map(|again| StartProblem::TwoResources {
            resource: again.resource.clone(),
            name: again.name,
            places: again.places,
        })
        .collect();
    if !builder.isolated {
        let registry = Registry::of_program();
        problems.extend(check(&Program {
            messages: &registry.messages,
            modules: &registry.modules,
            resources: Some(&builder.resources),
            world: builder.world.as_deref(),
        }));
    }
    into_result(problems)
}

fn into_result(problems: Vec<StartProblem>) -> Result<(), StartError> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(StartError { problems })
    }
}

async fn start(mut builder: SystemBuilder) -> Result<System, StartError> {
    // A runtime without timers cannot wait before a restart: this panics here, and not in some task then.
    drop(sleep(Duration::ZERO));
    if let Some(prepare) = builder.prepare {
        prepare();
    }
    verify(&builder)?;
    let registry = Registry::of_program();
    let resources = Arc::new(std::mem::take(&mut builder.resources));
    let settings = Settings {
        max_depth: builder.max_depth,
        max_in_flight: builder.max_in_flight,
        close_patience: builder.close_patience,
        slow_handler: builder.slow_handler,
        chance: builder.chance.clone(),
        recorder: recorder(&builder),
        runtime: tokio::runtime::Handle::current(),
        resources: Arc::clone(&resources),
        interceptors: builder.interceptors.erased(),
    };
    let mediator = Mediator::new(registry.messages.len(), settings);
    let mediator = Arc::new(mediator);
    let launch = Launch {
        mediator: Arc::clone(&mediator),
        mailbox: builder.mailbox,
    };
    let modules = start_order(if builder.isolated {
        &builder.only
    } else {
        &registry.modules
    });
    let launched = modules
        .iter()
        .filter_map(|module| Some(module.launch?(launch.clone())));
    let instances: Vec<Arc<dyn AnyInstance>> = launched.flatten().collect();
    // Every route is there before the first module starts, so that a message to one that starts later waits
    // for it.
    connect(&mediator, &instances);
    let system = System {
        inner: Arc::new(SystemInner {
            mediator,
            instances: Mutex::new(by_id(&instances)),
            detached: Mutex::default(),
            is_reported: AtomicBool::new(false),
            mailbox: builder.mailbox,
            isolated: builder.isolated,
            shutdown_timeout: builder.shutdown_timeout,
            cut_off: Mutex::default(),
            report: SetOnce::new(),
            requests_cut_off: Default::default(),
            stop_deadline: Default::default(),
            has_shut_down: AtomicBool::new(false),
        }),
    };
    tokio::spawn(stop_on_demand(
        Arc::clone(&system.inner.mediator),
        Arc::downgrade(&system.inner),
    ));
    if builder.slow_handler < Duration::MAX {
        tokio::spawn(watch(
            Arc::clone(&system.inner.mediator),
            Arc::downgrade(&system.inner),
            builder.slow_handler,
        ));
    }
    if let Some(starting) = builder.started {
        starting.send_replace(Some(system.clone()));
    }
    let (mut problems, is_stopped) = start_all(&system, &instances, resources).await;
    if is_stopped {
        problems.push(StartProblem::Stopped);
    }
    if !problems.is_empty() {
        system.shutdown().await;
        return Err(StartError { problems });
    }
    Ok(system)
}

/// What keeps what is sent, if a test wants that.
fn recorder(builder: &SystemBuilder) -> Recorder {
    #[cfg(feature = "test")]
    if builder.is_test || builder.records {
        return Recorder::of_test(builder.records);
    }
    let _ = builder.records;
    Recorder::default()
}

/// The instances by their numbers, which rise in the order in which they were made.
fn by_id(instances: &[Arc<dyn AnyInstance>]) -> BTreeMap<InstanceId, Arc<dyn AnyInstance>> {
    let instances = instances.iter();
    instances.map(|it| (it.id(), Arc::clone(it))).collect()
}

/// Adds the routes of all instances to the table.
fn connect(mediator: &Mediator, instances: &[Arc<dyn AnyInstance>]) {
    mediator.routing.change(|table| {
        for instance in instances {
            let (id, module) = (instance.id(), &instance.descriptor().declaration);
            for (message, route) in instance.routes() {
                if let Some(row) = table.row_mut(message.slot()) {
                    row.handlers.insert(Handler {
                        instance: id,
                        module,
                        route,
                    });
                }
            }
        }
    });
}

/// Shuts the system down when a module that it cannot do without is stopped.
async fn stop_on_demand(mediator: Arc<Mediator>, system: Weak<SystemInner>) {
    if mediator.stopping.demanded().await
        && let Some(inner) = system.upgrade()
    {
        System { inner }.shutdown().await;
    }
}

/// Starts the instances side by side, each after those it waits for. With the first that fails the system
/// begins to stop. Says also whether it was stopped before that.
async fn start_all(
    system: &System,
    instances: &[Arc<dyn AnyInstance>],
    resources: Arc<Resources>,
) -> (Vec<StartProblem>, bool) {
    let stopping = &system.inner.mediator.stopping;
    let key = |module: &'static ModuleDescriptor| std::ptr::from_ref(module) as usize;
    // For each module, one for each of its instances.
    let mut started: HashMap<usize, Vec<Arc<SetOnce<bool>>>> = HashMap::new();
    for instance in instances {
        let of_module = started.entry(key(instance.descriptor())).or_default();
        of_module.push(Arc::default());
    }
    let mut waits = waits_of(instances);
    let mut starting = JoinSet::new();
    for instance in instances {
        let after = instance.descriptor().after.iter();
        let after = after.filter_map(|after| started.get(&key(after())));
        let after: Vec<Arc<SetOnce<bool>>> = after.flatten().cloned().collect();
        let to = started.get(&key(instance.descriptor()));
        let to = to.and_then(|to| to.get(instance.index())).cloned();
        let (instance, resources) = (Arc::clone(instance), Arc::clone(&resources));
        let stopping = Arc::clone(stopping);
        let waits = waits.remove(&instance.id());
        starting.spawn(async move {
            for before in after {
                if !*before.wait().await || stopping.has_begun() {
                    notify(to, false);
                    instance.cut_off().await;
                    return None;
                }
            }
            drop(waits);
            let module = instance.descriptor().declaration;
            let result = instance.start(resources).await;
            notify(to, result.is_ok());
            let error = result.err()?;
            tracing::error!(module = module.name, error = %Escaped(&error), "a module did not start");
            Some(StartProblem::ModuleFailed { module, error })
        });
    }
    let (mut problems, mut stops_itself) = (Vec::new(), false);
    while let Some(ended) = starting.join_next().await {
        match ended {
            Ok(problem) => problems.extend(problem),
            Err(error) => tracing::error!(error = %Escaped(&error), "a module's start was cut off"),
        }
        // Those that are still in their `#[on_start]` are stopped like all others, and so end in time.
        if !problems.is_empty() && !stopping.has_begun() {
            stops_itself = true;
            let system = system.clone();
            tokio::spawn(async move { system.shutdown().await });
            stopping.begun().await;
        }
    }
    (problems, stopping.has_begun() && !stops_itself)
}

/// What each instance waits for by its `after`, in the wait-for graph: so a module that starts and calls one
/// that waits for it is refused.
fn waits_of(instances: &[Arc<dyn AnyInstance>]) -> HashMap<InstanceId, Vec<ModuleWait>> {
    let mut waits: HashMap<InstanceId, Vec<ModuleWait>> = HashMap::new();
    for instance in instances {
        for after in instance.descriptor().after {
            let before = instances
                .iter()
                .filter(|before| std::ptr::eq(before.descriptor(), after()));
            // A circle of `after` was refused before.
            let begun = before
                .filter_map(|before| ModuleWait::after(instance.waiter(), before.waiter()).ok());
            waits.entry(instance.id()).or_default().extend(begun);
        }
    }
    waits
}

fn notify(to: Option<Arc<SetOnce<bool>>>, started: bool) {
    if let Some(to) = to {
        let _ = to.set(started);
    }
}
