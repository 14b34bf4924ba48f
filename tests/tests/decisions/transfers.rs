//! Two aggregates that change together.

use std::time::Duration;

use nether::eventstore::{Aggregates, Decisions, EventStore, Position, Store};
use nether::prelude::*;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::bank::{
    Account, BalanceOf, Deposit, Deposited, NotEnough, Receipt, Transfer, Transfers, Withdrawn,
};
use crate::store::OtherStore;

pub const TRANSFER: Transfer = Transfer {
    from: 1,
    to: 2,
    cents: 30,
};

#[nether::test(only = [Aggregates<Account>, Decisions<Transfers>])]
async fn a_transfer_writes_both_streams_and_is_answered_with_both_states(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let store = Store::memory();
    let system = builder.provide(store.clone()).start_test().await?;
    let ctx = system.context();
    let deposit = Deposit {
        account: 1,
        cents: 100,
    };
    ctx.send(deposit).await?;
    assert_eq!(ctx.send(TRANSFER).await?, Receipt { from: 70, to: 30 });
    let rich = Transfer {
        cents: 71,
        ..TRANSFER
    };
    let refused = ctx.send(rich).await.unwrap_err();
    assert_eq!(refused.into_handler_error()?, NotEnough(70));
    assert_eq!(ctx.ask(BalanceOf { account: 1 }).await?, 70);
    assert_eq!(ctx.ask(BalanceOf { account: 2 }).await?, 30);
    let all = store.read_all(Position::START, 10).await?;
    let all: Vec<_> = all
        .iter()
        .map(|it| (it.stream.as_str(), &*it.name, it.stream_version))
        .collect();
    assert_eq!(
        all,
        [
            ("account/1", "bank.deposited", 1),
            ("account/1", "bank.withdrawn", 2),
            ("account/2", "bank.deposited", 1),
        ]
    );
    let causes: Vec<_> = store.read_all(Position(1), 10).await?;
    assert_eq!(causes[0].metadata, causes[1].metadata);
    assert_eq!(system.published::<Withdrawn>().len(), 1);
    assert_eq!(system.published::<Deposited>().len(), 2);
    Ok(())
}

#[nether::test(only = [Decisions<Transfers>])]
async fn a_decision_needs_no_module_of_its_aggregates(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let store = OtherStore::default();
    store
        .append_now("account/1", "bank.deposited", r#"{"cents":50}"#)
        .await;
    let system = builder.provide(store.open()).start().await?;
    assert_eq!(
        system.context().send(TRANSFER).await?,
        Receipt { from: 20, to: 30 }
    );
    let modules: Vec<_> = system.modules().iter().map(|it| it.name).collect();
    assert_eq!(modules, ["decisions::bank::Transfers"]);
    Ok(())
}

#[nether::test(only = [Aggregates<Account>, Decisions<Transfers>])]
async fn a_transfer_to_the_same_account_is_two_events_of_one_stream(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let store = OtherStore::default();
    let system = builder.provide(store.open()).start().await?;
    let ctx = system.context();
    let deposit = Deposit {
        account: 1,
        cents: 100,
    };
    ctx.send(deposit).await?;
    let itself = || Transfer { to: 1, ..TRANSFER };
    for _ in 0..2 {
        let receipt = ctx.send(itself()).await?;
        assert_eq!(receipt, Receipt { from: 100, to: 100 });
    }
    assert_eq!(
        store.names("account/1").await[1..],
        [
            "bank.withdrawn",
            "bank.deposited",
            "bank.withdrawn",
            "bank.deposited"
        ]
    );
    Ok(())
}

/// In both directions, between accounts that others use too: a wait in a circle would not end.
#[nether::test(only = [Aggregates<Account>, Decisions<Transfers>], worker_threads = 2)]
async fn a_thousand_transfers_at_once_keep_the_sum(builder: SystemBuilder) -> nether::Result<()> {
    const ACCOUNTS: u64 = 8;
    let store = OtherStore::default();
    let system = builder.provide(store.open()).start().await?;
    let ctx = system.context();
    for account in 0..ACCOUNTS {
        let deposit = Deposit {
            account,
            cents: 100,
        };
        ctx.send(deposit).await?;
    }
    let mut transfers = JoinSet::new();
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..1_000_u64 {
        let ctx = ctx.clone();
        let transfer = Transfer {
            from: random.u64(..ACCOUNTS),
            to: random.u64(..ACCOUNTS),
            cents: random.u64(20..60),
        };
        transfers.spawn(async move {
            if number % 10 == 0 {
                ctx.ask(BalanceOf {
                    account: transfer.to,
                })
                .await
                .expect("it is answered");
            }
            match ctx.send(transfer).await {
                Ok(_) => true,
                Err(error) => {
                    error.into_handler_error().expect("it is refused");
                    false
                }
            }
        });
    }
    let done = timeout(Duration::from_secs(60), transfers.join_all()).await;
    let done = done.expect("no transfer waits for ever");
    let made = done.into_iter().filter(|is_made| *is_made).count();
    assert!(made > 0, "some transfers are made");
    let mut sum = 0;
    for account in 0..ACCOUNTS {
        sum += ctx.ask(BalanceOf { account }).await?;
    }
    assert_eq!(sum, ACCOUNTS * 100);
    let conflicts = store.0.conflicts.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        conflicts, 0,
        "the commands of one process wait for each other"
    );
    let head = store.head().await?;
    assert_eq!(head, Position(ACCOUNTS + 2 * made as u64));
    Ok(())
}
