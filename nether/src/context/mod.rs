//! Layer 6: [`Context`], the handle to a unit of work: what programs, handlers and hooks send with.

mod calling;
mod delivery;
mod handle;
mod inline;
mod outcome;
mod posting;
mod query;
mod subscription;

pub use self::calling::Calling;
pub(crate) use self::delivery::Post;
pub(crate) use self::delivery::announce;
pub(crate) use self::handle::{Handle, Origin};
pub use self::outcome::Outcome;
pub use self::posting::Posting;
pub use self::query::QueryContext;
pub use self::subscription::Subscription;
pub(crate) use self::subscription::subscribe_to_all;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::calling::Handler;
use self::query::ByCalls;
use crate::declaration::Declaration;
use crate::envelope::{Given, Shown};
use crate::message::{Command, Event, Message};
use crate::routing::{Calls, Emits, Root, Sender};
use crate::scope::Scope;

/// A handle to a unit of work.
///
/// What is sent with it, and everything that handlers send in turn, is isolated from every other unit of work, waited for
/// together, and succeeds or fails together.
///
/// `System::context` opens one; handlers and hooks get `&Context<Self>`, a handle to the unit of work of the message they
/// handle. `S` is who sends, and decides what may be sent, while compiling. A `Context` is also a [`QueryContext`].
///
/// Clones are handles to the same unit of work. When the last root handle is dropped before [`close`](Context::close),
/// what has not started is cancelled.
pub struct Context<S: Sender = Root> {
    query: QueryContext<S>,
}

impl<S: Sender> Context<S> {
    pub(crate) fn new(handle: Handle) -> Self {
        Context {
            query: QueryContext::new(handle),
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.query.handle
    }

    /// Makes this the context of another message.
    #[inline]
    pub(crate) fn rebind(&mut self, handle: Handle) {
        self.query.handle = handle;
    }

    /// Gives a command to the module that handles it, and waits for its reply.
    ///
    /// From outside a handler this waits for room while the module's mailbox is full.
    ///
    /// # Errors
    /// [`CallError::Handler`](crate::CallError::Handler) with the error that the command declares if its handler fails,
    /// otherwise why there is no reply.
    #[inline]
    pub fn send<C, I, TheOneHandler, T, E>(&self, command: C) -> Calling<'_, C, Given<C>, T, E>
    where
        C: Command<Reply = T, Error = E, Sent = I>,
        S: Calls<I, S::Rule, TheOneHandler>,
    {
        Calling::new::<ByCalls<S, I, S::Rule, TheOneHandler>>(self.handle(), command)
    }

    /// Shows an event to every module that handles it, also none. Returns once all of them have accepted it.
    ///
    /// From outside a handler this waits for room while a module's mailbox is full. What becomes of the event is part of
    /// the unit of work: [`close`](Context::close) waits for it and reports its failures.
    ///
    /// # Errors
    /// Why the event was not accepted by anyone.
    #[inline]
    pub fn publish<E, I, TheHandlers>(&self, event: E) -> Posting<'_, E, Shown<E>>
    where
        E: Event<Published = I>,
        S: Emits<I, S::Rule, TheHandlers>,
    {
        Posting::new(
            self.handle(),
            event,
            E::NAME,
            Shown::<E>::post::<ByEmits<S, I, S::Rule, TheHandlers>>,
        )
    }

    /// Hands over a message of any kind without waiting for what comes of it. Returns once it is accepted.
    ///
    /// From outside a handler this waits for room while a mailbox is full. Failures of what was accepted are reported by
    /// [`close`](Context::close).
    ///
    /// # Errors
    /// Why the message was not accepted.
    #[inline]
    pub fn process<M, I, TheOneHandler, P>(&self, message: M) -> Posting<'_, M, P>
    where
        M: Message<Itself = I, Parcel = P>,
        P: Post<Message = M>,
        S: Emits<I, S::Rule, TheOneHandler>,
    {
        Posting::new(
            self.handle(),
            message,
            M::NAME,
            P::post::<ByEmits<S, I, S::Rule, TheOneHandler>>,
        )
    }

    /// The events of type `E` that are published in this unit of work from now on.
    pub fn subscribe<E: Event>(&self) -> Subscription<E> {
        subscription::subscribe(&self.handle().scope)
    }

    /// Cancels the unit of work: what has not started is not started any more, and nothing new is accepted. Handlers that
    /// run are not interrupted; [`cancelled`](QueryContext::cancelled) tells those who ask.
    pub fn cancel(&self) {
        self.handle().scope.cancel();
    }
}

impl Context<Root> {
    pub(crate) fn open(scope: Scope) -> Self {
        Context::new(Handle::new(Arc::new(scope), Origin::Root))
    }

    /// The same, with a deadline this long from now; see [`with_deadline`](Context::with_deadline).
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with_deadline(Instant::now() + timeout)
    }

    /// The same, with a deadline: a message that has not started by then is not started any more, and whoever waits for a
    /// reply stops waiting. A context has one deadline; setting another changes nothing.
    #[must_use]
    pub fn with_deadline(self, at: Instant) -> Self {
        self.handle().scope.set_deadline(at);
        self
    }

    /// The same, done on behalf of `name`. A context has one principal; setting another changes nothing.
    #[must_use]
    pub fn with_principal(self, name: &str) -> Self {
        self.handle().scope.set_principal(name);
        self
    }
}

/// The handler that [`Emits`] found.
struct ByEmits<S, I, Rule, H>(PhantomData<(fn() -> S, fn() -> I, fn() -> Rule, fn() -> H)>);

impl<S: Emits<I, Rule, H>, I, Rule, H> Handler for ByEmits<S, I, Rule, H> {
    fn declaration() -> Option<&'static Declaration> {
        S::handler()
    }
}

impl<S: Sender> Deref for Context<S> {
    type Target = QueryContext<S>;

    fn deref(&self) -> &QueryContext<S> {
        &self.query
    }
}

impl<S: Sender> Clone for Context<S> {
    fn clone(&self) -> Self {
        if self.handle().origin == Origin::Root {
            self.handle().scope.add_root();
        }
        Context::new(self.handle().clone())
    }
}

impl<S: Sender> Drop for Context<S> {
    fn drop(&mut self) {
        if self.handle().origin == Origin::Root {
            self.handle().scope.drop_root();
        }
    }
}

impl<S: Sender> fmt::Debug for Context<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}
