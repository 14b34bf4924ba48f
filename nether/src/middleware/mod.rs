//! What stands around handlers: [`Middleware`], typed and named by modules, and [`Interceptor`], for a whole
//! program.

mod call;
mod chain;
mod committed;
mod fitting;
mod info;
mod interceptor;

pub use self::call::{Answer, AnswerError, Call, Next};
pub(crate) use self::chain::{Around, Chain, LeftOut, Named, answered};
pub use self::committed::Committed;
pub(crate) use self::fitting::Surroundable;
pub use self::fitting::{fitting, seen_by_middleware};
pub use self::info::MessageInfo;
pub use self::interceptor::{Ended, Interceptor};
pub(crate) use self::interceptor::{Intercepted, Interceptors};

use crate::declaration::Declaration;
use crate::message::Message;
use crate::resources::ResourceDescriptor;

/// What stands around the handlers of `M`: implemented by
/// [`#[nether::middleware]`](macro@crate::middleware), never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stand around `{M}`",
    label = "its `around` is not for `{M}`",
    note = "its `around` names the messages that it is for: let it be generic, `async fn around<M: Message>(..)`, or take `{Self}` \
            out of this list and name it at the handlers of its messages: `#[handler(with = [{Self}])]`"
)]
pub trait Middleware<M: Message>: IsMiddleware {
    /// Runs around one attempt at the message.
    #[doc(hidden)]
    fn around(
        &self,
        call: Call<'_, M>,
        next: Next<'_, M>,
    ) -> impl Future<Output = Answer<M>> + Send
    where
        M: Send + Sync;
}

/// A type that stands around some handlers.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no middleware",
    label = "no middleware",
    note = "put `#[nether::middleware]` above an `impl {Self}` block with \
            `async fn around<M: Message>(&self, call: Call<'_, M>, next: Next<'_, M>) -> Answer<M>`"
)]
pub trait IsMiddleware: Send + Sync + Sized + 'static {
    /// Always `Self`. Bounds that go through it suppress follow-up compiler errors.
    type Itself;
    /// Its description for the start-up.
    const DESCRIPTOR: MiddlewareDescriptor;
    /// Whether it wants to know of units of work that were committed.
    const FOLLOWS_COMMITS: bool = false;

    /// Runs after a unit of work was committed.
    fn committed(&self, done: &Committed<'_>) -> impl Future<Output = ()> + Send {
        let _ = done;
        async {}
    }
}

/// The description of middleware that is known at start-up.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct MiddlewareDescriptor {
    pub declaration: Declaration,
    /// Its value.
    pub resource: ResourceDescriptor,
}

/// Asserts that a value of this type can stand around handlers of several tasks.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
pub const fn shared_by_threads<T: Send + Sync + 'static>() {}
