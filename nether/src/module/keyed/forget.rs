//! [`Context::forget`]: the value of a key leaves after the message that is being handled.

use std::cell::Cell;

use crate::context::{Context, Handle};
use crate::module::KeyedModule;

/// A message of a key that is being handled.
#[derive(Debug, Clone, Copy, Default)]
struct HandlingOfKey {
    /// The address of its unit of work.
    unit: usize,
    sequence: u64,
    /// Whether its handler has asked to forget the value.
    forgets: bool,
}

thread_local! {
    /// The innermost one whose handler is being polled.
    static HANDLED: Cell<HandlingOfKey> = Cell::default();
}

/// Guard that marks a handler as being polled, until dropped.
pub(super) struct Polled(HandlingOfKey);

impl Polled {
    pub(super) fn begin(handle: &Handle) -> Self {
        Polled(HANDLED.replace(HandlingOfKey {
            unit: handle.scope.address(),
            sequence: handle.sequence(),
            forgets: false,
        }))
    }

    /// Whether the handler has asked to forget the value.
    pub(super) fn forgets(&self) -> bool {
        HANDLED.get().forgets
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        HANDLED.set(self.0);
    }
}

impl<M: KeyedModule> Context<M> {
    /// Lets the value of the key leave after this message: `#[on_idle]` runs, and the next message of the key
    /// makes another value.
    ///
    /// To be called in the handler itself, of a module with a value [for each key](crate::keyed). In a task
    /// that the handler has spawned it does nothing but log a warning.
    ///
    /// ```
    /// use nether::prelude::*;
    ///
    /// #[command(key = room, reply = usize)]
    /// struct Join { room: u64 }
    ///
    /// #[command(key = room)]
    /// struct Close { room: u64 }
    ///
    /// struct Room { members: usize }
    ///
    /// #[module(handles = [Join, Close], per = room)]
    /// impl Room {
    ///     #[init]
    ///     fn new(room: &u64) -> Self {
    ///         Room { members: 0 }
    ///     }
    ///
    ///     async fn join(&mut self, _: Join) -> usize {
    ///         self.members += 1;
    ///         self.members
    ///     }
    ///
    ///     async fn close(&self, _: Close, ctx: &Context<Self>) {
    ///         ctx.forget();
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// let system = System::builder().isolated().with::<Room>().start().await?;
    /// let ctx = system.context();
    /// assert_eq!(ctx.send(Join { room: 1 }).await?, 1);
    /// assert_eq!(ctx.send(Join { room: 1 }).await?, 2);
    /// ctx.send(Close { room: 1 }).await?;
    /// assert_eq!(ctx.send(Join { room: 1 }).await?, 1);
    /// # Ok(()) }
    /// ```
    pub fn forget(&self) {
        let mut handled = HANDLED.get();
        let handle = self.handle();
        let is_its = handled.unit == handle.scope.address()
            && handled.sequence == handle.sequence()
            && handled.unit != 0;
        if is_its {
            handled.forgets = true;
            HANDLED.set(handled);
        } else {
            tracing::warn!(
                module = M::descriptor().declaration.name,
                "`forget` was called outside of the handler, and does nothing"
            );
        }
    }
}
