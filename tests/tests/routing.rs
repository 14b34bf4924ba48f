//! Where messages go: a command or query to the one module that handles it, an event to all that do.

use nether::prelude::*;
use nether::{CallError, Caller, Calls, SendError};

#[command(reply = u64)]
struct Deposit(u64);

#[command]
struct Forget;

#[query(reply = u64)]
struct Balance;

#[event]
struct Deposited {
    amount: u64,
}

#[derive(Default)]
struct Account {
    balance: u64,
}

#[module(handles = [Deposit, Forget, Balance], emits = [Deposited])]
impl Account {
    async fn deposit(
        &mut self,
        Deposit(amount): Deposit,
        ctx: &Context<Self>,
    ) -> nether::Result<u64> {
        self.balance += amount;
        ctx.publish(Deposited { amount }).await?;
        Ok(self.balance)
    }

    fn forget(&mut self, _: Forget) {
        self.balance = 0;
    }

    async fn balance(&self, _: Balance) -> u64 {
        self.balance
    }
}

#[query(reply = u64)]
struct Seen;

#[derive(Default)]
struct Auditor {
    seen: u64,
}

#[module(handles = [Deposited, Seen])]
impl Auditor {
    async fn deposited(&mut self, event: &Deposited) {
        self.seen += event.amount;
    }

    async fn seen(&self, _: Seen) -> u64 {
        self.seen
    }
}

#[query(reply = usize)]
struct Letters;

#[derive(Default)]
struct Postman {
    letters: std::sync::Mutex<Vec<u64>>,
}

#[module(handles = [Deposited, Letters])]
impl Postman {
    async fn deposited(&self, event: &Deposited) {
        self.letters.lock().unwrap().push(event.amount);
    }

    async fn letters(&self, _: Letters) -> usize {
        self.letters.lock().unwrap().len()
    }
}

/// Knows neither the handler of what it asks nor that of what it sends, but lists them.
struct Clerk;

#[command(reply = u64)]
struct Audit;

#[module(handles = Audit, calls = [Balance, Deposit], emits = [Forget], manual)]
impl Clerk {
    async fn audit(&self, _: Audit, ctx: &Context<Self>) -> nether::Result<u64> {
        let before = ctx.ask(Balance).await?;
        ctx.send(Deposit(1)).await?;
        ctx.process(Forget).await?;
        Ok(before)
    }
}

#[nether::test]
async fn a_command_goes_to_its_module_and_the_reply_comes_back(
    system: System,
) -> nether::Result<()> {
    let ctx = system.context();
    assert_eq!(ctx.send(Deposit(3)).await?, 3);
    assert_eq!(ctx.send(Deposit(4)).await?, 7);
    assert_eq!(ctx.ask(Balance).await?, 7);
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn one_module_handles_several_messages_in_the_order_sent(
    system: System,
) -> nether::Result<()> {
    let ctx = system.context();
    ctx.process(Deposit(1)).await?;
    ctx.process(Forget).await?;
    ctx.process(Deposit(5)).await?;
    // The question waits its turn behind all of them.
    assert_eq!(ctx.ask(Balance).await?, 5);
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn an_event_is_shown_to_every_module_that_handles_it(system: System) -> nether::Result<()> {
    let ctx = system.context();
    ctx.publish(Deposited { amount: 2 }).await?;
    ctx.publish(Deposited { amount: 3 }).await?;
    assert_eq!(ctx.close().await?.handled, 4);
    let ctx = system.context();
    assert_eq!(ctx.ask(Seen).await?, 5);
    assert_eq!(ctx.ask(Letters).await?, 2);
    ctx.close().await?;
    Ok(())
}

#[nether::test]
async fn an_event_that_a_handler_publishes_is_seen_in_the_context(
    system: System,
) -> nether::Result<()> {
    let ctx = system.context();
    let mut deposits = ctx.subscribe::<Deposited>();
    ctx.send(Deposit(9)).await?;
    assert_eq!(deposits.next().await.expect("published").amount, 9);
    ctx.close().await?;
    assert!(
        deposits.next().await.is_none(),
        "a subscription ends with its context"
    );
    Ok(())
}

#[nether::test]
async fn contexts_see_nothing_of_each_other(system: System) -> nether::Result<()> {
    let (mine, other) = (system.context(), system.context());
    let mut here = mine.subscribe::<Deposited>();
    let mut everywhere = system.subscribe::<Deposited>();
    other.send(Deposit(1)).await?;
    other.close().await?;
    assert!(here.try_next().is_none());
    assert_eq!(everywhere.try_next().expect("published").amount, 1);
    mine.send(Deposit(2)).await?;
    mine.close().await?;
    assert_eq!(here.next().await.expect("published").amount, 2);
    assert!(here.next().await.is_none());
    Ok(())
}

#[nether::test]
async fn an_event_that_no_module_handles_is_not_a_mistake(_: System) -> nether::Result<()> {
    let alone = System::builder().isolated().start().await?;
    let ctx = alone.context();
    ctx.publish(Deposited { amount: 1 }).await?;
    assert_eq!(ctx.close().await?.handled, 0);
    Ok(())
}

#[nether::test]
async fn a_message_whose_module_is_not_running_is_refused_by_name(_: System) -> nether::Result<()> {
    let alone = System::builder().isolated().start().await?;
    let ctx = alone.context();
    let Err(CallError::NoRoute(refused)) = ctx.send(Deposit(1)).await else {
        panic!("nobody handles it here")
    };
    assert_eq!(refused.message, "routing::Deposit");
    assert!(refused.declared.file.ends_with("routing.rs"));
    let text = refused.to_string();
    assert!(
        text.contains("`routing::Account`"),
        "the handler that the compiler saw is named: {text}"
    );
    assert!(text.contains("system.attach"), "{text}");
    assert!(matches!(
        ctx.process(Forget).await,
        Err(SendError::NoRoute(_))
    ));
    assert!(matches!(ctx.ask(Balance).await, Err(CallError::NoRoute(_))));
    // A refusal leaves nothing behind.
    assert_eq!(ctx.close().await?.handled, 0);
    Ok(())
}

#[nether::test]
async fn a_module_sends_what_it_lists_without_seeing_the_handlers(
    system: System,
) -> nether::Result<()> {
    system.attach(Clerk).await?;
    let ctx = system.context();
    ctx.send(Deposit(10)).await?;
    assert_eq!(ctx.send(Audit).await?, 10);
    assert_eq!(ctx.ask(Balance).await?, 0);
    ctx.close().await?;
    Ok(())
}

/// Deposits on behalf of any sender that may: the bounds are those of the methods it calls.
async fn deposit_twice<S, H>(ctx: &Context<S>, amount: u64) -> nether::Result<u64>
where
    S: Caller + Calls<Deposit, S::Rule, H>,
{
    ctx.send(Deposit(amount)).await?;
    Ok(ctx.send(Deposit(amount)).await?)
}

#[nether::test]
async fn a_helper_may_be_generic_over_the_sender(system: System) -> nether::Result<()> {
    let ctx = system.context();
    assert_eq!(deposit_twice(&ctx, 5).await?, 10);
    ctx.close().await?;
    Ok(())
}
