//! [`AfterCommit`]: what is done once a unit of work has been committed, one thing of each type.

use std::any::{TypeId, type_name};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use crate::guarded::{catch, said_last};
use crate::race::race;
use crate::scope::Scope;
use crate::sync::lock;

/// The steps that are still to be done, in the order they were added.
#[derive(Default)]
pub(super) struct AfterCommit(Mutex<Vec<CommitStep>>);

/// One thing to do, and the type that wants it done.
pub(super) struct CommitStep {
    of: TypeId,
    name: &'static str,
    step: Box<dyn FnOnce(Arc<Scope>) -> StepFuture + Send>,
}

type StepFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Scope {
    /// Does this once the unit of work has been committed; once, however often `T` asks for it. A scope that
    /// is no unit of work is never committed.
    pub(crate) fn after_commit<T: 'static, F>(
        &self,
        step: impl FnOnce(Arc<Scope>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        if !self.kind.is_unit() {
            return;
        }
        let mut steps = lock(&self.extras_or_new().after_commit.0);
        let of = TypeId::of::<T>();
        if steps.iter().all(|step| step.of != of) {
            steps.push(CommitStep {
                of,
                name: type_name::<T>(),
                step: Box::new(|scope| Box::pin(step(scope))),
            });
        }
    }
}

impl AfterCommit {
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    pub(super) fn take(&self) -> Vec<CommitStep> {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// Does all of it, one after the other. It cannot undo what is committed: a panic is logged. What has not
/// ended when a stop has no more time is cut off, as spawned tasks are.
pub(super) async fn run(steps: Vec<CommitStep>, scope: &Arc<Scope>) {
    for CommitStep { name, step, .. } in steps {
        let (own, tasks) = (Arc::clone(scope), &scope.mediator.tasks);
        let done = async { Some(catch(async move { step(own).await }).await) };
        let cut_off = async {
            tasks.until_over().await;
            tasks.count_cut_off();
            None
        };
        match race(done, cut_off).await {
            Some(Ok(())) => {}
            Some(Err(panic)) => {
                let panic = said_last(panic);
                tracing::error!(
                    middleware = name,
                    panic,
                    "middleware panicked after a commit"
                );
            }
            None => tracing::warn!(
                middleware = name,
                "a stop cut off what middleware does after a commit"
            ),
        }
    }
}
