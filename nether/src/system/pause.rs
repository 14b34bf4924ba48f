//! [`System::pause`] and [`System::resume`]: modules that are held up for a while.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::declaration::Declaration;
use crate::module::{AnyInstance, Module};
use crate::system::System;

/// The error of [`pause`](System::pause) and [`resume`](System::resume): there is no such module in the
/// system, or the system is stopping.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PauseError {
    /// The module.
    pub module: Declaration,
}

impl System {
    /// Holds a module up, all its instances and values: it begins to handle no more messages, but ends what
    /// it has begun. Messages wait; when its mailbox is full, senders outside of handlers wait for room. Its
    /// background tasks run on. Meanwhile [`modules`](System::modules) shows it as
    /// [`Paused`](crate::ModuleState::Paused). A system that stops resumes what is paused, to handle what
    /// waits; so does [`detach`](System::detach).
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[command]
    /// pub struct Write(String);
    ///
    /// struct Store;
    ///
    /// #[module(handles = Write, manual)]
    /// impl Store {
    ///     async fn write(&mut self, _: Write) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().start().await?;
    /// let _store = system.attach(Store).await?;
    /// system.pause::<Store>()?;
    /// let ctx = system.context();
    /// ctx.process(Write("later".into())).await?;
    /// assert_eq!(system.modules()[0].waiting, 1);
    /// system.resume::<Store>()?;
    /// assert_eq!(ctx.close().await?.handled, 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the module is not one of the system's, or the system is stopping.
    pub fn pause<M: Module>(&self) -> Result<(), PauseError> {
        self.hold_up::<M>(true)
    }

    /// Lets a module go on that was [paused](System::pause); one that was not goes on anyway.
    ///
    /// # Errors
    /// If the module is not one of the system's, or the system is stopping.
    pub fn resume<M: Module>(&self) -> Result<(), PauseError> {
        self.hold_up::<M>(false)
    }

    fn hold_up<M: Module>(&self, is_paused: bool) -> Result<(), PauseError> {
        let is_meant =
            |instance: &&Arc<dyn AnyInstance>| std::ptr::eq(instance.descriptor(), M::descriptor());
        let instances = self.instances();
        let mut meant = instances.iter().filter(is_meant).peekable();
        if meant.peek().is_none() || self.inner.mediator.stopping.has_begun() {
            let module = M::descriptor().declaration;
            return Err(PauseError { module });
        }
        meant.for_each(|instance| instance.pause(is_paused));
        if is_paused && self.inner.mediator.stopping.has_begun() {
            // The shutdown may have resumed what was paused before this was.
            instances.iter().for_each(|instance| instance.pause(false));
        }
        Ok(())
    }
}

impl fmt::Display for PauseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the module `{}` ({}) does not run in this system, or the system is stopping",
            self.module.name,
            self.module.place()
        )
    }
}

impl StdError for PauseError {}
