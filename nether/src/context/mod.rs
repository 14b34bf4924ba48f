//! [`Context`], the handle to a unit of work: what programs, handlers and hooks send with.

mod admission;
mod apart;
#[cfg(feature = "http")]
mod beginning;
mod budget;
mod calling;
mod delivery;
mod event_senders;
mod handle;
mod inline;
mod later;
mod leaving;
mod nested;
mod outcome;
mod posting;
mod proof;
mod query;
mod reports;
mod room;
mod span;
mod spawn;
mod stream;
mod subscription;
mod timer;
mod to_module;
mod transaction;
mod trying;
#[cfg(any(feature = "http", feature = "eventstore"))]
mod unproven;
mod visible;

pub use self::apart::Apart;
#[cfg(feature = "http")]
pub(crate) use self::beginning::UnitStart;
pub use self::calling::CallFuture;
pub(crate) use self::delivery::Post;
pub use self::delivery::Processable;
pub(crate) use self::handle::{Handle, Origin, WeakHandle};
pub use self::later::Delayed;
pub(crate) use self::later::{ModuleDelays, end_delayed};
#[cfg(feature = "eventstore")]
pub(crate) use self::leaving::caller_left;
pub use self::nested::Nested;
pub use self::outcome::Outcome;
pub use self::posting::PostFuture;
pub use self::query::QueryContext;
pub(crate) use self::reports::announce;
pub(crate) use self::span::{HandlerSpan, SpanOutcome};
pub use self::stream::{JoinStream, Producer, SharedStream, StreamFuture, Streaming, WatchStream};
pub use self::subscription::{AnyEvent, Subscription};
pub(crate) use self::subscription::{subscribe_to_all, subscribe_to_any};

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::proof::ByEmits;
use self::query::ByCalls;
use crate::envelope::{Given, Shown};
use crate::error::TrySendError;
use crate::instants::in_future;
use crate::message::{ByValue, Command, Event, Message};
use crate::principal::Principal;
use crate::routing::{Caller, Calls, Emits, External};
use crate::scope::Scope;
use crate::trace::TraceContext;

/// A handle to a unit of work.
///
/// Messages that are sent with it, and all messages that their handlers send in turn, are isolated from every
/// other unit of work, are waited for together, and have one result, which [`close`](Context::close) returns.
///
/// [`System::context`](crate::System::context) opens one; handlers get `&Context<Self>`, a handle to the unit
/// of work of the message they handle. `S` is the sender; it decides what may be sent, while compiling. A
/// `Context` is also a [`QueryContext`], whose methods it has: [`ask`](QueryContext::ask), ids, deadline,
/// cancellation.
///
/// ```
/// use nether::prelude::*;
///
/// #[command(reply = u32)]
/// pub struct Add(u32);
///
/// #[event]
/// pub struct Added;
///
/// #[derive(Default)]
/// pub struct Sum(u32);
///
/// #[module(handles = Add, emits = Added)]
/// impl Sum {
///     async fn add(&mut self, Add(number): Add, ctx: &Context<Self>) -> nether::Result<u32> {
///         self.0 += number;
///         ctx.publish(Added).await?; // Part of the unit of work that `Add` came from.
///         Ok(self.0)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// # let _sum = system.attach(Sum::default()).await?;
/// let ctx = system.context();
/// let mut added = ctx.subscribe::<Added>();
/// assert_eq!(ctx.send(Add(2)).await?, 2); // Waits for the reply.
/// ctx.process(Add(3)).await?; // Does not.
/// assert_eq!(ctx.close().await?.handled, 2); // Waits for both, and all they caused.
/// assert!(added.next().await.is_some());
/// # Ok(()) }
/// ```
///
/// # Handles
///
/// Clones are handles to the same unit of work, cheap to make and to send to other tasks. When the last
/// handle outside of handlers is dropped before the unit of work was closed, messages that have not started
/// are cancelled, and a warning is logged if there were any. A clone that a handler gives to a task of its
/// own, with `tokio::spawn`, does not hold the unit of work open: once the unit of work has ended, the
/// clone's messages are refused. Outside of the module's own task, the clone waits at a full mailbox. What
/// the unit of work shall wait for runs in [`spawn`](Context::spawn).
///
/// # Helper functions
///
/// A function that handlers of several modules call takes `&Context<impl Unlisted>`, or states what it sends;
/// see [`Unlisted`](crate::Unlisted).
///
/// A context is for one piece of work, not for the life of a program: it keeps failures that no caller got
/// until it is closed. It is used inside of the tokio runtime in which its system was started.
#[doc(alias = "unit of work", alias = "session", alias = "scope")]
pub struct Context<S: Caller = External> {
    query: QueryContext<S>,
}

impl<S: Caller> Context<S> {
    pub(crate) fn new(handle: Handle) -> Self {
        Context {
            query: QueryContext::new(handle),
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.query.handle
    }

    /// A clone that sends what `T` may send.
    pub(crate) fn clone_for<T: Caller>(&self) -> Context<T> {
        let mut handle = self.handle().clone();
        if handle.is_external() {
            handle.scope.add_root();
            handle.scope.expect_deadline();
        }
        handle.origin = handle.origin.of_clone();
        Context::new(handle)
    }

    /// To make this the context of another message.
    #[inline]
    pub(crate) fn handle_mut(&mut self) -> &mut Handle {
        &mut self.query.handle
    }

    /// Gives a command to the module that handles it, and waits for its reply.
    ///
    /// From outside a handler this waits for room while the module's mailbox is full. The handler of a shared
    /// module runs in this task.
    ///
    /// # Errors
    /// [`CallError::Handler`](crate::CallError::Handler) with the error that the command declares if its
    /// handler fails, otherwise the reason why there is no reply. The caller has the error:
    /// [`close`](Context::close) does not report it again.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// #[command(reply = u8)]
    /// pub struct Parse(String);
    ///
    /// struct Parser;
    ///
    /// #[module(handles = Parse, manual)]
    /// impl Parser {
    ///     async fn parse(&self, Parse(text): Parse) -> nether::Result<u8> {
    ///         Ok(text.parse()?)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _parser = system.attach(Parser).await?;
    /// let ctx = system.context();
    /// assert_eq!(ctx.send(Parse("7".into())).await?, 7);
    /// match ctx.send(Parse("seven".into())).await {
    ///     Err(CallError::Handler(error)) => assert!(error.is::<std::num::ParseIntError>()),
    ///     other => panic!("{other:?}"),
    /// }
    /// ctx.close().await?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "call", alias = "request", alias = "invoke")]
    #[inline]
    pub fn send<C, I, TheOneHandler, T, E>(&self, command: C) -> CallFuture<'_, C, Given<C>, T, E>
    where
        C: Command<Reply = T, Error = E, Sent = I>,
        S: Calls<I, S::Rule, TheOneHandler>,
    {
        CallFuture::new::<ByCalls<S, I, S::Rule, TheOneHandler>>(self.handle(), command)
    }

    /// Publishes an event to every module that handles it, if any, and to subscribers. Returns once all these
    /// modules have accepted it.
    ///
    /// From outside a handler this waits for room while a module's mailbox is full. What becomes of the event
    /// is part of the unit of work: [`close`](Context::close) waits for it and reports its failures. A module
    /// that is just being stopped is left out.
    ///
    /// # Errors
    /// Why the event was refused. If the context's deadline passed while it waited for room, some modules may
    /// have accepted it before that.
    #[doc(alias = "emit", alias = "notify", alias = "broadcast")]
    #[inline]
    pub fn publish<E, I, TheHandlers>(&self, event: E) -> PostFuture<'_, E, Shown<E>>
    where
        E: Event<Published = I>,
        S: Emits<I, S::Rule, TheHandlers>,
    {
        PostFuture::new(
            self.handle(),
            event,
            E::NAME,
            Shown::<E>::post::<ByEmits<S, I, S::Rule, TheHandlers>>,
        )
    }

    /// Hands over a message of any kind without waiting for what comes of it. Returns once it is accepted.
    ///
    /// From outside a handler this waits for room while a mailbox is full. The reply of a command or query is
    /// thrown away; failures of what was accepted are reported by [`close`](Context::close).
    ///
    /// # Errors
    /// Why the message was not accepted.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// #[command]
    /// pub struct Fail;
    ///
    /// struct Unlucky;
    ///
    /// #[module(handles = Fail, manual)]
    /// impl Unlucky {
    ///     async fn fail(&mut self, _: Fail) -> nether::Result<()> {
    ///         Err(nether::Error::msg("no luck"))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _unlucky = system.attach(Unlucky).await?;
    /// let ctx = system.context();
    /// ctx.process(Fail).await?; // It is accepted.
    /// let error = ctx.close().await.unwrap_err();
    /// assert!(error.to_string().ends_with("no luck"));
    /// # Ok(()) }
    /// ```
    #[doc(alias = "tell", alias = "post", alias = "enqueue")]
    #[inline]
    pub fn process<M, I, TheOneHandler, P>(&self, message: M) -> PostFuture<'_, M, P>
    where
        M: Processable + Message<Itself = I, Parcel = P>,
        S: Emits<I, S::Rule, TheOneHandler>,
    {
        PostFuture::new(
            self.handle(),
            message,
            M::NAME,
            P::post::<ByEmits<S, I, S::Rule, TheOneHandler>>,
        )
    }

    /// Gives a command to the module that handles it now, or hands it back; what it gives is awaited for the
    /// reply.
    ///
    /// Like [`send`](Context::send), but it does not wait for room: while the mailbox is full, and while
    /// others wait for room in it, the command is refused. The command is on its way when this returns, also
    /// if the reply is not awaited; the handler of a shared module runs while it is awaited, in this task, or
    /// once it is dropped, in another. From inside a handler there is always room.
    ///
    /// It cannot let other tasks run, as `send` does: a loop that may take long awaits
    /// `tokio::task::consume_budget` now and then.
    ///
    /// # Errors
    /// The command, and why it was not accepted.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// # use nether::SendError;
    /// #[command(reply = usize)]
    /// pub struct Measure(String);
    ///
    /// #[derive(Default)]
    /// struct Ruler {
    ///     measured: usize,
    /// }
    ///
    /// #[module(handles = Measure, mailbox = 1, manual)]
    /// impl Ruler {
    ///     async fn measure(&mut self, Measure(text): Measure) -> usize {
    ///         self.measured += text.len();
    ///         self.measured
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _ruler = system.attach(Ruler::default()).await?;
    /// let ctx = system.context();
    /// let first = ctx.try_send(Measure("one".into()))?;
    /// // It waits in the mailbox, which has room for one.
    /// let refused = ctx.try_send(Measure("two".into())).unwrap_err();
    /// assert!(matches!(refused.error, SendError::Full { .. }));
    /// assert_eq!(first.await?, 3);
    /// assert_eq!(ctx.try_send(refused.message)?.await?, 6);
    /// # Ok(()) }
    /// ```
    pub fn try_send<C, I, TheOneHandler, T, E>(
        &self,
        command: C,
    ) -> Result<CallFuture<'_, C, Given<C>, T, E>, TrySendError<C>>
    where
        C: Command<Reply = T, Error = E, Sent = I>,
        S: Calls<I, S::Rule, TheOneHandler>,
    {
        trying::send::<C, ByCalls<S, I, S::Rule, TheOneHandler>>(self.handle(), command)
    }

    /// Hands over a command or query now, without waiting for what comes of it, or hands it back.
    ///
    /// Like [`process`](Context::process), but it does not wait for room: while the mailbox is full, and
    /// while others wait for room in it, the message is refused. From inside a handler there is always room.
    /// Events go to [`publish`](Context::publish), for there may be room for them in one module and not in
    /// the next. It cannot let other tasks run, as `process` does: a loop that may take long awaits
    /// `tokio::task::consume_budget` now and then.
    ///
    /// # Errors
    /// The message, and why it was not accepted.
    pub fn try_process<M, I, TheOneHandler>(&self, message: M) -> Result<(), TrySendError<M>>
    where
        M: ByValue + Message<Itself = I> + Send,
        S: Emits<I, S::Rule, TheOneHandler>,
    {
        trying::process::<M, ByEmits<S, I, S::Rule, TheOneHandler>>(self.handle(), message)
    }

    /// The events of type `E` that are published in this unit of work from now on, by whomever. The
    /// subscription ends when the context is closed.
    pub fn subscribe<E: Event>(&self) -> Subscription<E> {
        subscription::subscribe(&self.handle().scope)
    }

    /// The events of all types that are published in this unit of work from now on. Each is serialised for
    /// it, at the expense of who publishes; without it, none is.
    pub fn subscribe_any(&self) -> Subscription<AnyEvent> {
        subscription::subscribe_any(&self.handle().scope)
    }

    /// Cancels the unit of work: messages that have not started are dead letters, and no new ones are
    /// accepted. All who wait in it, for a reply or for room, get an error at once. Running handlers are not
    /// interrupted; they can wait for [`cancelled`](QueryContext::cancelled). [`close`](Context::close) still
    /// waits for them, but for nothing else, and returns an error.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// let ctx = system.context();
    /// ctx.cancel();
    /// assert!(ctx.close().await.unwrap_err().cancelled);
    /// # Ok(()) }
    /// ```
    pub fn cancel(&self) {
        self.handle().scope.cancel();
    }
}

impl Context<External> {
    pub(crate) fn open(scope: Scope) -> Self {
        Context::new(Handle::new(Arc::new(scope), Origin::External))
    }

    /// Sets a deadline this long from now; see [`with_deadline`](Context::with_deadline).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use nether::prelude::*;
    /// #[command]
    /// pub struct Hang;
    ///
    /// struct Hanging;
    ///
    /// #[module(handles = Hang, manual)]
    /// impl Hanging {
    ///     async fn hang(&self, _: Hang, ctx: &Context<Self>) {
    ///         ctx.cancelled().await;
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// # let _hanging = system.attach(Hanging).await?;
    /// let ctx = system.context().with_timeout(Duration::from_millis(5));
    /// assert!(matches!(ctx.send(Hang).await, Err(CallError::DeadlineExceeded { .. })));
    /// ctx.cancel(); // The handler runs on; this is what it listens for.
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with_deadline(in_future(timeout))
    }

    /// Sets the deadline: a message that has not started by then never starts, and calls that wait for a
    /// reply, or for [`close`](Context::close), return. Running handlers are not interrupted. A context has
    /// one deadline; setting another changes nothing.
    ///
    /// It may be set while others wait, by a clone: calls, and streams, that began to wait after the context
    /// was first cloned end by it too.
    #[must_use]
    pub fn with_deadline(self, at: Instant) -> Self {
        self.handle().scope.set_deadline(at);
        self
    }

    /// Sets the principal, on whose behalf the work is done; handlers read it from
    /// [`principal`](QueryContext::principal). A context has one principal; setting another changes nothing.
    ///
    /// A message that says `requires = ".."` is refused from here with
    /// [`CallError::Forbidden`](crate::CallError::Forbidden) unless the principal has what it requires.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// use nether::Principal;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// let ann = Principal::new("user-7").with_role("orders.write");
    /// let ctx = system.context().with_principal(ann);
    /// assert_eq!(ctx.principal().map(Principal::id), Some("user-7"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_principal(self, principal: impl Into<Principal>) -> Self {
        self.handle().scope.set_principal(principal.into());
        self
    }

    /// Marks the unit of work as the program's own: jobs, migrations, tests. It may send messages that say
    /// `requires = ".."` without having what they require. It may still have a principal, on whose behalf the
    /// program does the work.
    #[must_use]
    pub fn as_system(self) -> Self {
        self.handle().scope.set_of_system();
        self
    }

    /// Sets the trace that the work is part of, as it came with a message of another system: spans of
    /// handlers are part of it, handlers pass it on, and events are stored with it. A context has one trace;
    /// setting another changes nothing. The web server does it for each request that has a `traceparent`.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// # use nether::TraceContext;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let mut ctx = system.context();
    /// if let Some(trace) = TraceContext::from_headers(header, None) {
    ///     ctx = ctx.with_trace_context(trace);
    /// }
    /// assert_eq!(ctx.trace_context().unwrap().traceparent(), header);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_trace_context(self, trace: TraceContext) -> Self {
        self.handle().scope.set_trace(trace);
        self
    }

    /// Adds a baggage value: handlers in this unit of work read it with [`baggage`](QueryContext::baggage),
    /// and their spans show it. It replaces a value of the same type.
    ///
    /// ```
    /// # use nether::prelude::*;
    /// #[derive(Debug)]
    /// struct TenantId(u32);
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
    /// # let system = System::builder().isolated().start().await?;
    /// let ctx = system.context().with(TenantId(7));
    /// assert_eq!(ctx.baggage::<TenantId>().map(|tenant| tenant.0), Some(7));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with<T: fmt::Debug + Send + Sync + 'static>(self, value: T) -> Self {
        self.handle().scope.add_baggage(value);
        self
    }
}

impl<S: Caller> Deref for Context<S> {
    type Target = QueryContext<S>;

    fn deref(&self) -> &QueryContext<S> {
        &self.query
    }
}

impl<S: Caller> Clone for Context<S> {
    fn clone(&self) -> Self {
        self.clone_for()
    }
}

impl<S: Caller> Drop for Context<S> {
    fn drop(&mut self) {
        if self.handle().is_external() {
            self.handle().scope.drop_root();
        }
    }
}

impl<S: Caller> fmt::Debug for Context<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}
