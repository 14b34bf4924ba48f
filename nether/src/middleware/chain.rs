//! [`Chain`]: the middleware of one handler, outermost first, as a list of types; and how it runs.

use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::envelope::Unhandled;
use crate::error::Result;
use crate::message::Message;
use crate::middleware::{
    Answer, AnswerError, Call, Committed, IsMiddleware, MessageInfo, Middleware, Next,
};
use crate::resources::{InitArgument, Resource, Resources};

/// The message of one attempt, which one of those around it has at a time: each hands it on by letting go of
/// it.
pub(crate) type Unhanded<'a, C> = Mutex<&'a mut C>;

/// What follows in a chain: lent, so that nothing is allocated.
pub(crate) type Rest<'a, M> = Pin<&'a mut (dyn Future<Output = Answer<M>> + Send + 'a)>;

/// One attempt, as all in a chain see it.
#[derive(Debug)]
#[doc(hidden)]
pub struct Around<'a, C> {
    pub(crate) message: &'a Unhanded<'a, C>,
    pub(crate) info: MessageInfo<'a>,
}

/// A type in a list that stands around the message.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
#[derive(Debug)]
pub struct Named<T>(PhantomData<fn() -> T>);

impl<T> Named<T> {
    pub(super) fn new() -> Self {
        Named(PhantomData)
    }
}

/// A type in a list that does not stand around the message: the compiler reports it at the list, and the
/// rest of the chain does without it, so that nothing else is reported.
///
/// Not public API. Used by generated code.
#[doc(hidden)]
#[derive(Debug)]
pub struct LeftOut;

/// A list of middleware: `()`, or a first one and a list.
#[doc(hidden)]
#[allow(private_interfaces)]
pub trait Chain<M: Message> {
    /// The values of all.
    type Values: Send + Sync;

    /// Finds the values.
    ///
    /// # Errors
    /// If the program does not provide one.
    fn find(resources: &Resources) -> Result<Self::Values>;

    /// Runs all of them around `handler`.
    fn run<C: Unhandled<M>>(
        values: &Self::Values,
        around: &Around<'_, C>,
        handler: Rest<'_, M>,
    ) -> impl Future<Output = Answer<M>> + Send;
}

#[allow(private_interfaces)]
impl<M: Message> Chain<M> for () {
    type Values = ();

    fn find(_: &Resources) -> Result<()> {
        Ok(())
    }

    async fn run<C: Unhandled<M>>((): &(), _: &Around<'_, C>, handler: Rest<'_, M>) -> Answer<M> {
        handler.await
    }
}

#[allow(private_interfaces)]
impl<M, T, R> Chain<M> for (Named<T>, R)
where
    M: Message + Send + Sync,
    T: Middleware<M>,
    R: Chain<M>,
{
    type Values = (Arc<T>, R::Values);

    fn find(resources: &Resources) -> Result<Self::Values> {
        let first = Resource::<T>::of(resources, None)?;
        Ok((first.into_arc(), R::find(resources)?))
    }

    async fn run<C: Unhandled<M>>(
        (middleware, values): &Self::Values,
        around: &Around<'_, C>,
        handler: Rest<'_, M>,
    ) -> Answer<M> {
        follow_commits(middleware, around.info);
        let rest = pin!(R::run(values, around, handler));
        let message = around.message.lock().await;
        let message = MutexGuard::map(message, |message| &mut **message as &mut dyn Unhandled<M>);
        let call = Call::new(message, around.info);
        middleware.around(call, Next::new(rest)).await
    }
}

#[allow(private_interfaces)]
impl<M: Message, R: Chain<M>> Chain<M> for (LeftOut, R) {
    type Values = R::Values;

    fn find(resources: &Resources) -> Result<R::Values> {
        R::find(resources)
    }

    async fn run<C: Unhandled<M>>(
        values: &R::Values,
        around: &Around<'_, C>,
        handler: Rest<'_, M>,
    ) -> Answer<M> {
        R::run(values, around, handler).await
    }
}

/// Lets middleware know of the commit of the unit of work, if it wants to.
fn follow_commits<T: IsMiddleware>(middleware: &Arc<T>, info: MessageInfo<'_>) {
    if T::FOLLOWS_COMMITS {
        let middleware = Arc::clone(middleware);
        let scope = &info.handle().scope;
        scope.after_commit::<T, _>(move |scope| async move {
            middleware.committed(&Committed::new(&scope)).await;
        });
    }
}

/// What a handler gave back, as middleware sees it.
pub(crate) fn answered<T, E>(replied: Result<T, E>) -> Result<T, AnswerError<E>> {
    replied.map_err(AnswerError::Handler)
}
