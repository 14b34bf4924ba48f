//! Functions that send for their callers, whatever the message is: what they state, and who may call them.

use std::time::Duration;

use nether::prelude::*;
use nether::{
    Asks, CallError, Command, Event, External, Processable, Processes, Publishes, Query, Sends,
};

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{0} is too much")]
pub struct TooMuch(u64);

#[command(reply = u64, error = TooMuch)]
pub struct Deposit(pub u64);

#[query(reply = u64)]
pub struct Balance;

#[event]
pub struct Noted(pub u64);

/// Calls the helpers, as a module without lists.
#[command(reply = u64)]
pub struct Open;

/// Calls the helpers, as a module with lists.
#[command(reply = u64)]
pub struct Listed;

#[derive(Debug, Default)]
pub struct Account {
    balance: u64,
    noted: u64,
}

#[module(handles = [Deposit, Balance, Noted])]
impl Account {
    async fn deposit(&mut self, Deposit(amount): Deposit) -> Result<u64, TooMuch> {
        if amount > 1000 {
            return Err(TooMuch(amount));
        }
        self.balance += amount;
        Ok(self.balance)
    }

    async fn balance(&self, _: Balance) -> u64 {
        self.balance + self.noted
    }

    async fn noted(&mut self, event: &Noted) {
        self.noted += event.0;
    }
}

#[derive(Debug, Default)]
pub struct Desk;

#[module(handles = Open)]
impl Desk {
    async fn open(&self, _: Open, ctx: &Context<Self>) -> nether::Result<u64> {
        twice(ctx, Deposit(1)).await?;
        publish_all(ctx, vec![Noted(1), Noted(2)]).await?;
        process_all(ctx, vec![Noted(4)]).await?;
        process_all(ctx, vec![Deposit(8)]).await?;
        process_of(ctx, Deposit(16)).await?;
        Ok(asked(ctx, Balance).await?)
    }
}

#[derive(Debug, Default)]
pub struct ListedDesk;

#[module(handles = Listed, calls = [Deposit, Balance], emits = [Noted, Deposit])]
impl ListedDesk {
    async fn listed(&self, _: Listed, ctx: &Context<Self>) -> nether::Result<u64> {
        twice(ctx, Deposit(1)).await?;
        publish_all(ctx, vec![Noted(1), Noted(2)]).await?;
        process_all(ctx, vec![Noted(4)]).await?;
        process_all(ctx, vec![Deposit(8)]).await?;
        process_of(ctx, Deposit(16)).await?;
        Ok(asked(ctx, Balance).await?)
    }
}

async fn twice<S, C, H>(
    ctx: &Context<S>,
    command: C,
) -> Result<C::Reply, CallError<<C as nether::Message>::Error>>
where
    S: Sends<C, H>,
    C: Command + Clone,
{
    ctx.send(command.clone()).await?;
    ctx.try_send(command)
        .map_err(|_| ())
        .expect("there is room from a handler, and in an empty system")
        .await
}

async fn asked<S, Q, H>(ctx: &QueryContext<S>, query: Q) -> Result<Q::Reply, CallError<Q::Error>>
where
    S: Asks<Q, H>,
    Q: Query,
{
    ctx.ask(query).await
}

async fn publish_all<S, E, H>(ctx: &Context<S>, events: Vec<E>) -> nether::Result<()>
where
    S: Publishes<E, H>,
    E: Event,
{
    for event in events {
        ctx.publish(event).await?;
    }
    Ok(())
}

async fn process_all<S, M, H>(ctx: &Context<S>, messages: Vec<M>) -> nether::Result<()>
where
    S: Processes<M, H>,
    M: Processable,
{
    for message in messages {
        ctx.process(message).await?;
    }
    Ok(())
}

/// A command may be processed as well, by a function that takes no other message.
async fn process_of<S, C, H>(ctx: &Context<S>, command: C) -> nether::Result<()>
where
    S: Processes<C, H>,
    C: Command + Processable,
{
    ctx.process(command).await?;
    Ok(())
}

/// Sends a command later, in a task of the unit of work.
fn later<S, C, H>(ctx: &Context<S>, after: Duration, command: C) -> nether::Result<()>
where
    S: Sends<C, H>,
    C: Command,
{
    ctx.spawn(move |ctx| async move {
        tokio::time::sleep(after).await;
        ctx.send(command).await?;
        Ok(())
    })?;
    Ok(())
}

/// Processes a message of any kind later, in a task of the unit of work.
fn processed_later<S, M, H>(ctx: &Context<S>, after: Duration, message: M) -> nether::Result<()>
where
    S: Processes<M, H>,
    M: Processable,
{
    ctx.spawn(move |ctx| async move {
        tokio::time::sleep(after).await;
        ctx.process(message).await?;
        Ok(())
    })?;
    Ok(())
}

/// Two messages, so two parameters that are inferred.
async fn moved<S, A, B, H, I>(ctx: &Context<S>, from: A, to: B) -> nether::Result<B::Reply>
where
    S: Sends<A, H> + Sends<B, I>,
    A: Command,
    B: Command,
{
    ctx.send(from).await?;
    Ok(ctx.send(to).await?)
}

/// Generic over the message alone.
async fn from_outside<C, H>(ctx: &Context, command: C) -> nether::Result<C::Reply>
where
    External: Sends<C, H>,
    C: Command,
{
    Ok(ctx.send(command).await?)
}

/// Generic over the sender alone: the message is known.
async fn deposit<S, H>(ctx: &Context<S>, amount: u64) -> Result<u64, CallError<TooMuch>>
where
    S: Sends<Deposit, H>,
{
    ctx.send(Deposit(amount)).await
}

#[nether::test]
async fn a_helper_may_be_generic_over_the_message(system: System) -> nether::Result<()> {
    let ctx = system.context();
    assert_eq!(twice(&ctx, Deposit(10)).await?, 20);
    assert_eq!(from_outside(&ctx, Deposit(1)).await?, 21);
    assert_eq!(moved(&ctx, Deposit(1), Deposit(2)).await?, 24);
    assert_eq!(deposit(&ctx, 1).await?, 25);
    publish_all(&ctx, vec![Noted(100), Noted(200)]).await?;
    process_all(&ctx, vec![Noted(300)]).await?;
    process_all(&ctx, vec![Deposit(5)]).await?;
    assert_eq!(asked(&ctx, Balance).await?, 630);
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn a_typed_error_comes_through_a_helper(system: System) -> nether::Result<()> {
    let ctx = system.context();
    let refused = twice(&ctx, Deposit(1001)).await.unwrap_err();
    assert_eq!(refused.into_handler_error().unwrap(), TooMuch(1001));
    assert!(deposit(&ctx, 1002).await.is_err());
    let _ = ctx.close().await;
    Ok(())
}

#[nether::test]
async fn modules_with_lists_and_without_call_one_helper(system: System) -> nether::Result<()> {
    let ctx = system.context();
    // The query waits behind what was processed: the account is exclusive, and its caller the same.
    assert_eq!(ctx.send(Open).await?, 2 + 7 + 24);
    assert_eq!(ctx.send(Listed).await?, 2 * (2 + 7 + 24));
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn a_helper_may_send_later_in_a_task_of_the_unit_of_work(
    system: System,
) -> nether::Result<()> {
    let ctx = system.context();
    later(&ctx, Duration::from_secs(60), Deposit(1))?;
    processed_later(&ctx, Duration::from_secs(120), Deposit(2))?;
    processed_later(&ctx, Duration::from_secs(180), Noted(4))?;
    assert_eq!(asked(&ctx, Balance).await?, 0);
    ctx.close().await?;
    assert_eq!(system.context().ask(Balance).await?, 7);
    Ok(())
}
