//! [`Sends`], [`Asks`], [`Publishes`] and [`Processes`]: the bounds of functions that send for their callers,
//! also messages that are type parameters.
//!
//! They say of a sender and a message what the methods of a context ask for, in one bound each. What is
//! missing is reported by [`routing`](crate::routing), where these are used and where they are not met.

use crate::message::{Command, Event, Message, Query};
use crate::routing::{Caller, Calls, Emits};

/// A sender that may [`send`](crate::Context::send) the command `C` and wait for its reply: the bound of a
/// function that sends for its callers. The command may be a type parameter. `H` is always inferred, so the
/// function has one such parameter for each message.
///
/// A caller without `emits` and `calls` sends every command that a visible module handles, one with these
/// lists what they say; anything else does not compile, where the function is called.
///
/// ```
/// use std::time::Duration;
/// use nether::{Command, Sends, prelude::*};
///
/// /// Sends a command later.
/// fn later<S, C, H>(ctx: &Context<S>, after: Duration, command: C) -> nether::Result<()>
/// where
///     S: Sends<C, H>,
///     C: Command,
/// {
///     ctx.spawn(move |ctx| async move {
///         tokio::time::sleep(after).await;
///         ctx.send(command).await?;
///         Ok(())
///     })?;
///     Ok(())
/// }
///
/// #[command]
/// pub struct Remind { pub whom: String }
///
/// #[derive(Default)]
/// pub struct Reminders;
///
/// #[module(handles = Remind)]
/// impl Reminders {
///     async fn remind(&mut self, remind: Remind) { println!("dear {}", remind.whom); }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> nether::Result<()> {
/// # let system = System::builder().isolated().start().await?;
/// # let _reminders = system.attach(Reminders).await?;
/// let ctx = system.context();
/// later(&ctx, Duration::from_millis(1), Remind { whom: "ann".into() })?;
/// ctx.close().await?;
/// # Ok(()) }
/// ```
///
/// [`Asks`], [`Publishes`] and [`Processes`] say the same of the other methods.
pub trait Sends<C: Command, H>:
    Caller + Calls<<C as Command>::Sent, <Self as Caller>::Rule, H>
{
}

impl<S, C, H> Sends<C, H> for S
where
    S: Caller + Calls<<C as Command>::Sent, <S as Caller>::Rule, H>,
    C: Command,
{
}

/// A sender that may [`ask`](crate::QueryContext::ask) the query `Q`: the bound of a function that asks for
/// its callers, as [`Sends`] is.
///
/// ```
/// use nether::{Asks, Query, prelude::*};
///
/// /// What both queries are answered with.
/// async fn both<S, Q, H>(ctx: &QueryContext<S>, queries: [Q; 2]) -> nether::Result<[Q::Reply; 2]>
/// where
///     S: Asks<Q, H>,
///     Q: Query<Error = nether::Error>,
/// {
///     let [first, second] = queries;
///     Ok([ctx.ask(first).await?, ctx.ask(second).await?])
/// }
/// ```
pub trait Asks<Q: Query, H>:
    Caller + Calls<<Q as Query>::Asked, <Self as Caller>::Rule, H>
{
}

impl<S, Q, H> Asks<Q, H> for S
where
    S: Caller + Calls<<Q as Query>::Asked, <S as Caller>::Rule, H>,
    Q: Query,
{
}

/// A sender that may [`publish`](crate::Context::publish) the event `E`: the bound of a function that
/// publishes for its callers, as [`Sends`] is.
///
/// ```
/// use nether::{Event, Publishes, prelude::*};
///
/// /// Publishes all of them.
/// async fn publish_all<S, E, H>(ctx: &Context<S>, events: Vec<E>) -> nether::Result<()>
/// where
///     S: Publishes<E, H>,
///     E: Event,
/// {
///     for event in events {
///         ctx.publish(event).await?;
///     }
///     Ok(())
/// }
/// ```
pub trait Publishes<E: Event, H>:
    Caller + Emits<<E as Event>::Published, <Self as Caller>::Rule, H>
{
}

impl<S, E, H> Publishes<E, H> for S
where
    S: Caller + Emits<<E as Event>::Published, <S as Caller>::Rule, H>,
    E: Event,
{
}

/// A sender that may [`process`](crate::Context::process) the message `M`, of whatever kind: the bound of a
/// function that does it for its callers, as [`Sends`] is. A message that is a type parameter is a
/// [`Processable`](crate::Processable).
///
/// ```
/// use nether::{Processable, Processes, prelude::*};
///
/// /// Hands over all of them, and does not wait until they are handled.
/// async fn process_all<S, M, H>(ctx: &Context<S>, messages: Vec<M>) -> nether::Result<()>
/// where
///     S: Processes<M, H>,
///     M: Processable,
/// {
///     for message in messages {
///         ctx.process(message).await?;
///     }
///     Ok(())
/// }
/// ```
pub trait Processes<M: Message, H>:
    Caller + Emits<<M as Message>::Itself, <Self as Caller>::Rule, H>
{
}

impl<S, M, H> Processes<M, H> for S
where
    S: Caller + Emits<<M as Message>::Itself, <S as Caller>::Rule, H>,
    M: Message,
{
}
