//! From a parcel to a handler and back: [`ExclusiveHandler`] for exclusive modules, [`SharedHandler`] for
//! shared ones.
//!
//! The two have no bounds on what they handle: a module's list may name what is no message. What generated
//! code has to know of a message it states through [`HandlerByValue`] or [`HandlerByReference`], at the
//! handler's argument alone; so one mistake has one error.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};

use crate::answer::{IntoOutcome, IntoReply};
use crate::context::{Context, Handle};
use crate::declaration::Declaration;
use crate::envelope::{AnyParcel, Given, Packed, Parcel, ReplyTo, Shown};
use crate::error::{Error, Result};
use crate::guarded::{Guarded, HandlerFault, Observed, Shielded};
use crate::message::{ByValue, Event, MayChange, Message, MessageDescriptor, MessageProof};
use crate::middleware::{Intercepted, Surroundable};
use crate::module::cell::Way;
use crate::module::handler::supervision::{
    Attempt, Concluded, Handled, Unreplied, conclude, is_refusal, settle,
};
use crate::module::mode::{CellOf, Routes};
use crate::module::{KeyedModule, Module, Verdict};
use crate::observers::{Ending, Observers};
use crate::routing::Caller;

/// What the handler of `M` gives back in the end.
pub(crate) type Replied<M> = Result<<M as Message>::Reply, <M as Message>::Error>;

/// The handler of one message in an exclusive module.
#[doc(hidden)]
pub trait ExclusiveHandler<P: Packed>: Caller {
    /// Handles it.
    fn handle<S: ReplySink<P>>(
        module: &mut Self,
        parcel: &mut P::Content,
        ctx: &Context<Self>,
        settle: S,
    ) -> impl Future<Output = S::Settled> + Send
    where
        Self: Send;

    /// Handles it, and reports what came of it. Overridden by a handler with a time-out or retries.
    fn attempt(
        module: &mut Self,
        parcel: &mut P,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Verdict> + Send
    where
        Self: Module,
        P: Parcel,
    {
        handle(parcel, module, ctx)
    }
}

/// The handler of one message in a shared module.
#[doc(hidden)]
pub trait SharedHandler<P>: Caller {
    /// Handles it.
    fn handle<S: ReplySink<P>>(
        module: &Self,
        parcel: &mut P,
        ctx: &Context<Self>,
        settle: S,
    ) -> impl Future<Output = S::Settled> + Send
    where
        Self: Sync;

    /// Handles it. Overridden by a handler with a time-out or retries.
    #[allow(private_interfaces)]
    fn attempt(
        module: &Self,
        parcel: &mut P,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Attempt<P::Message>> + Send
    where
        Self: Module + Sync,
        P: Parcel,
    {
        serve(parcel, module, ctx)
    }
}

/// Which values a message is for, in a module that has one for each key.
#[doc(hidden)]
#[derive(Debug)]
pub enum Addressee<'a, P, K> {
    /// The value of this key.
    Key(&'a K),
    /// All values that are in memory. Each is given a copy.
    All(fn(&P) -> P),
}

/// The handler of one message in a module that has a value for each key.
#[doc(hidden)]
pub trait KeyedHandler<P: Packed>: ExclusiveHandler<P> + KeyedModule {
    /// Which values the message is for.
    fn addressee(parcel: &P) -> Addressee<'_, P, Self::Key>;

    /// Handles it. Overridden by a handler with a time-out, retries or middleware.
    #[allow(private_interfaces)]
    fn attempt_of_key(
        module: &mut Self,
        parcel: &mut P,
        ctx: &Context<Self>,
    ) -> impl Future<Output = Attempt<P::Message>> + Send
    where
        P: Parcel,
    {
        serve_key(parcel, module, ctx)
    }
}

/// Where a handler's reply goes. It hides the type of the reply, which only a message has.
#[doc(hidden)]
pub trait ReplySink<P>: Send {
    /// What comes of the reply.
    type Settled;

    /// Takes the reply.
    fn settle(self, replied: Replied<P::Message>) -> Self::Settled
    where
        P: Parcel;
}

/// Gives the reply back.
pub(super) struct ReturnReply;

impl<P: Parcel> ReplySink<P> for ReturnReply {
    type Settled = Replied<P::Message>;

    #[inline]
    fn settle(self, replied: Replied<P::Message>) -> Replied<P::Message> {
        replied
    }
}

/// A command or a query: a handler takes it by value.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` by value: it is neither a command nor a query",
    label = "neither a command nor a query",
    note = "put `#[command]` or `#[query]` above the definition of `{Self}`; if it is an event, take it by reference: `&{Self}`"
)]
pub trait HandlerByValue: Sized + 'static {
    /// What its handler may do.
    type Access;
    /// What a module's list holds of it.
    const PROOF: MessageProof;

    /// Adds the way to its handler.
    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        Self: Send,
        M: Module,
        CellOf<M>: Way<Given<Self>>;

    /// Calls its handler in an exclusive module.
    fn handle<M>(
        parcel: &mut Given<Self>,
        module: &mut M,
        ctx: &Context<M>,
    ) -> impl Future<Output = Verdict> + Send
    where
        Self: Send,
        M: Module + ExclusiveHandler<Given<Self>>;

    /// Makes a reply of what the handler gives back.
    fn settle<S, A, R, E, Kind>(settle: S, answer: A) -> S::Settled
    where
        Self: Message<Reply = R, Error = E> + Send,
        S: ReplySink<Given<Self>>,
        A: IntoReply<Self, R, E, Kind>;

    /// The parcel, whatever its type.
    fn erased(parcel: &mut Given<Self>) -> &mut dyn AnyParcel
    where
        Self: Send;

    /// Asserts that its handler may change the module, and send.
    fn may_change<A>()
    where
        Self: HandlerByValue<Access = A>,
        A: MayChange<Self>,
    {
    }
}

/// An event: a handler takes it by reference.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}` by reference: it is not an event",
    label = "not an event",
    note = "put `#[event]` above the definition of `{Self}`; if it is a command or a query, take it by value: `{Self}`"
)]
pub trait HandlerByReference: Sized + 'static {
    /// What a module's list holds of it.
    const PROOF: MessageProof;

    /// Adds the way to its handler.
    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        M: Module,
        CellOf<M>: Way<Shown<Self>>;

    /// Calls its handler in an exclusive module.
    fn handle<M>(
        parcel: &mut Shown<Self>,
        module: &mut M,
        ctx: &Context<M>,
    ) -> impl Future<Output = Verdict> + Send
    where
        M: Module + ExclusiveHandler<Shown<Self>>;

    /// Makes a result of what the handler gives back.
    fn settle<S, A, R, Kind>(settle: S, answer: A) -> S::Settled
    where
        Self: Message<Reply = R, Error = Error>,
        S: ReplySink<Shown<Self>>,
        A: IntoOutcome<R, Kind>;

    /// The parcel, whatever its type.
    fn erased(parcel: &mut Shown<Self>) -> &mut dyn AnyParcel;
}

#[diagnostic::do_not_recommend]
impl<C: ByValue> HandlerByValue for C {
    type Access = C::Access;
    const PROOF: MessageProof = <C as Message>::PROOF;

    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        Self: Send,
        M: Module,
        CellOf<M>: Way<Given<Self>>,
    {
        routes.add::<Given<Self>>();
    }

    #[inline]
    fn handle<M>(
        parcel: &mut Given<Self>,
        module: &mut M,
        ctx: &Context<M>,
    ) -> impl Future<Output = Verdict> + Send
    where
        Self: Send,
        M: Module + ExclusiveHandler<Given<Self>>,
    {
        M::attempt(module, parcel, ctx)
    }

    #[inline]
    fn settle<S, A, R, E, Kind>(settle: S, answer: A) -> S::Settled
    where
        Self: Message<Reply = R, Error = E> + Send,
        S: ReplySink<Given<Self>>,
        A: IntoReply<Self, R, E, Kind>,
    {
        settle.settle(answer.into_reply())
    }

    fn erased(parcel: &mut Given<Self>) -> &mut dyn AnyParcel
    where
        Self: Send,
    {
        parcel
    }
}

#[diagnostic::do_not_recommend]
impl<T: Event> HandlerByReference for T {
    const PROOF: MessageProof = <T as Message>::PROOF;

    fn add_to<M>(routes: &mut Routes<'_, M>)
    where
        M: Module,
        CellOf<M>: Way<Shown<Self>>,
    {
        routes.add::<Shown<Self>>();
    }

    #[inline]
    fn handle<M>(
        parcel: &mut Shown<Self>,
        module: &mut M,
        ctx: &Context<M>,
    ) -> impl Future<Output = Verdict> + Send
    where
        M: Module + ExclusiveHandler<Shown<Self>>,
    {
        M::attempt(module, parcel, ctx)
    }

    #[inline]
    fn settle<S, A, R, Kind>(settle: S, answer: A) -> S::Settled
    where
        Self: Message<Reply = R, Error = Error>,
        S: ReplySink<Shown<Self>>,
        A: IntoOutcome<R, Kind>,
    {
        settle.settle(answer.into_outcome())
    }

    fn erased(parcel: &mut Shown<Self>) -> &mut dyn AnyParcel {
        parcel
    }
}

impl<C: HandlerByValue + Message> Surroundable for Given<C> {
    type Inside = C;
}

impl<T: HandlerByReference + Message> Surroundable for Shown<T> {
    type Inside = T;
}

async fn handle<P, M>(parcel: &mut P, module: &mut M, ctx: &Context<M>) -> Verdict
where
    P: Parcel,
    M: Module + ExclusiveHandler<P>,
{
    let result = {
        let (content, mut open) = parcel.split();
        let handler = pin!(M::handle(module, content, ctx, ReturnReply));
        let observed = observed(ctx, P::Message::descriptor);
        let mut guarded = Guarded::new(handler, observed.as_deref());
        let result = poll_fn(move |cx| {
            let polled = Pin::new(&mut guarded).poll(cx);
            if polled.is_pending() {
                open_call(&mut open, ctx.handle());
            }
            polled
        })
        .await;
        end_observed::<P::Message>(observed, result)
    };
    settle(result, parcel, ctx.handle(), &M::descriptor().declaration)
}

/// Lets the unit of work know, once, of a call whose handler does not return at once: it ends the wait of the
/// caller when it is cancelled.
#[cold]
pub(super) fn open_call<M: 'static>(reply: &mut Option<&ReplyTo<M>>, handle: &Handle) {
    if let Some(call) = reply.take().and_then(ReplyTo::call) {
        handle.scope.add_call(call);
    }
}

/// Runs the handler of a shared module.
async fn serve<P, M>(parcel: &mut P, module: &M, ctx: &Context<M>) -> Attempt<P::Message>
where
    P: Parcel,
    M: Module + Sync + SharedHandler<P>,
{
    let handler = pin!(M::handle(module, parcel, ctx, ReturnReply));
    let observed = observed(ctx, P::Message::descriptor);
    let result = Guarded::new(handler, observed.as_deref()).await;
    Attempt::Ended(end_observed::<P::Message>(observed, result))
}

/// Runs the handler of a value of a key.
async fn serve_key<P, M>(parcel: &mut P, module: &mut M, ctx: &Context<M>) -> Attempt<P::Message>
where
    P: Parcel,
    M: KeyedHandler<P>,
{
    let (content, _) = parcel.split();
    let handler = pin!(M::handle(module, content, ctx, ReturnReply));
    let observed = observed(ctx, P::Message::descriptor);
    let result = Guarded::new(handler, observed.as_deref()).await;
    Attempt::Ended(end_observed::<P::Message>(observed, result))
}

/// The observation around a handler, if it is observed or crashes in a test.
#[inline]
pub(crate) fn observed<M: Module>(
    ctx: &Context<M>,
    message: fn() -> &'static MessageDescriptor,
) -> Option<Box<Observed>> {
    let is_observed = ctx.handle().scope.mediator.observers.are_any();
    let crashes = ctx.handle().crashes();
    (is_observed || crashes).then(|| {
        observe(
            ctx.handle(),
            &M::descriptor().declaration,
            message(),
            crashes,
        )
    })
}

#[cold]
fn observe(
    handle: &Handle,
    module: &Declaration,
    message: &'static MessageDescriptor,
    crashes: bool,
) -> Box<Observed> {
    let descriptor = message;
    let message = message.declaration.name;
    let mediator = &handle.scope.mediator;
    let is_timed = mediator.observers.are(Observers::TIMES);
    let is_intercepted = mediator.observers.are(Observers::INTERCEPTORS);
    let intercepted = is_intercepted.then(|| Intercepted::begin(handle, descriptor, module.name));
    Box::new(Observed {
        _timing: is_timed.then(|| mediator.latencies.begin(module.name, message)),
        crashes,
        onlooker: intercepted.flatten().map(|it| Box::new(it) as _),
    })
}

/// Concludes a message, and reports how its handler ended to those who look on, if anybody does.
#[inline(always)]
pub(crate) fn end_observed<M: Message>(
    observed: Option<Box<Observed>>,
    handled: Handled<M>,
) -> Concluded<M> {
    let concluded = conclude::<M>(handled);
    match observed {
        None => concluded,
        Some(mut observed) => report_end::<M>(&mut observed, concluded),
    }
}

/// The result is handed through: lent, it would have to lie in memory for every message.
#[cold]
#[inline(never)]
fn report_end<M: Message>(observed: &mut Observed, concluded: Concluded<M>) -> Concluded<M> {
    let (how, error): (_, Option<&dyn fmt::Display>) = match &concluded {
        Ok(_) => (Ending::Handled, None),
        Err(unreplied) => match &**unreplied {
            Unreplied::Error(error) if is_refusal::<M>(error) => (Ending::Refused, Some(error)),
            Unreplied::Error(error) => (Ending::Failed, Some(error)),
            Unreplied::Fault(fault) => match fault {
                HandlerFault::Panicked(_) => (Ending::Panicked, None),
                HandlerFault::TimedOut(_) => (Ending::TimedOut, None),
                HandlerFault::Unavailable(error) => (Ending::Unavailable, Some(&**error)),
                HandlerFault::UnitEnded(_) => (Ending::CutOff, None),
                HandlerFault::Rejected(rejection) => (Ending::Rejected, Some(&**rejection)),
            },
        },
    };
    let error = error.map(Shielded::new);
    observed.end(how, error.as_ref().map(|error| error as _));
    concluded
}
