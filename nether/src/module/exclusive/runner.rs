//! [`ExclusiveRunner`]: runs the values of an exclusive module, and catches what panics beside their
//! handlers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::context::Handle;
use crate::error::Result;
use crate::guarded::{PanicPayload, catch};
use crate::module::cell::{ModuleRunner, RunEnd};
use crate::module::exclusive::ExclusiveCell;
use crate::module::exclusive::work::Work;
use crate::module::{Exclusive, Module};

/// Runs an exclusive module.
#[doc(hidden)]
#[allow(missing_debug_implementations)] // Named by the hidden part of `Module`; no code outside has one.
pub struct ExclusiveRunner<M: Module + Exclusive> {
    /// Dropped first: a module that is cut off is there until its messages are dead letters.
    work: Work<M>,
    module: Option<M>,
}

impl<M: Module + Exclusive> ExclusiveRunner<M> {
    pub(super) fn new(cell: Arc<ExclusiveCell<M>>, module_handle: Handle) -> Self {
        ExclusiveRunner {
            work: Work::new(cell, module_handle),
            module: None,
        }
    }

    /// User code beside a handler panicked. Says how the module has ended with it, if it has.
    #[cold]
    fn settle_panic(&mut self, panic: PanicPayload) -> Result<Option<RunEnd>, PanicPayload> {
        catch_unwind(AssertUnwindSafe(|| {
            let goes_on = self.work.settle_panic(panic);
            (!goes_on).then(|| self.work.crashed(&mut self.module))
        }))
    }
}

#[allow(private_interfaces)]
impl<M: Module + Exclusive> ModuleRunner<M> for ExclusiveRunner<M> {
    fn give_up_taken(&mut self) {
        self.work.wind_up();
    }

    fn put(&mut self, module: M) {
        self.work.mark_made();
        self.module = Some(module);
    }

    async fn run(&mut self) -> Result<RunEnd, PanicPayload> {
        loop {
            // What panics here is user code beside a handler, whose own panics are caught before.
            match catch(self.work.run(&mut self.module)).await {
                Ok(end) => return Ok(end),
                Err(panic) => {
                    if let Some(end) = self.settle_panic(panic)? {
                        return Ok(end);
                    }
                }
            }
        }
    }

    fn meanwhile<T: Send>(
        &mut self,
        future: impl Future<Output = T> + Send,
    ) -> impl Future<Output = T> + Send {
        self.work.forget_during(future)
    }

    async fn on_stop(&mut self) -> Result<()> {
        match &mut self.module {
            Some(module) => M::on_stop(module, self.work.module_ctx()).await,
            None => Ok(()),
        }
    }
}
