//! Another process writes meanwhile, or the store fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nether::eventstore::{Aggregates, Decisions};
use nether::prelude::*;

use crate::bank::{
    Account, BalanceOf, Deposit, Lend, Loans, NotEnough, Pace, Receipt, Review, Transfer, Transfers,
};
use crate::store::OtherStore;
use crate::transfers::TRANSFER;

fn lend(cents: u64) -> Lend {
    Lend {
        account: 1,
        loan: "house".into(),
        cents,
    }
}

async fn with_account(builder: SystemBuilder, store: &OtherStore) -> nether::Result<System> {
    store
        .append_now("account/1", "bank.deposited", r#"{"cents":100}"#)
        .await;
    Ok(builder.provide(store.open()).start().await?)
}

#[nether::test(only = [Decisions<Loans>])]
async fn what_is_only_looked_at_must_not_have_changed(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let (store, pace) = (OtherStore::default(), Pace::free());
    let system = with_account(builder.provide(Arc::clone(&pace)), &store).await?;
    let ctx = system.context();
    ctx.send(lend(100)).await?;
    assert_eq!(pace.begun(), 1);
    store.appends_first("account/1", "bank.withdrawn", r#"{"cents":60}"#);
    let refused = ctx.send(lend(100)).await.unwrap_err();
    assert_eq!(refused.into_handler_error()?, NotEnough(40));
    assert_eq!(pace.begun(), 3, "it is decided again");
    assert_eq!(store.names("loan/house").await, ["bank.lent"]);
    Ok(())
}

#[nether::test(only = [Decisions<Loans>])]
async fn a_refusal_is_final_if_nothing_has_changed(builder: SystemBuilder) -> nether::Result<()> {
    let (store, pace) = (OtherStore::default(), Pace::free());
    let system = with_account(builder.provide(Arc::clone(&pace)), &store).await?;
    let ctx = system.context();
    store.appends_first("account/1", "bank.deposited", r#"{"cents":60}"#);
    ctx.send(lend(160)).await?;
    assert_eq!(pace.begun(), 2, "it is refused, and decided again");
    ctx.send(Review {
        account: 1,
        loan: "house".into(),
    })
    .await?;
    assert_eq!(store.names("loan/house").await, ["bank.lent"]);
    Ok(())
}

#[nether::test(only = [Decisions<Loans>])]
async fn what_stores_nothing_opens_no_transaction_that_writes(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let (store, pace) = (OtherStore::default(), Pace::free());
    let system = with_account(builder.provide(Arc::clone(&pace)), &store).await?;
    let ctx = system.context();
    for _ in 0..2 {
        let refused = ctx.send(lend(101)).await.unwrap_err();
        assert_eq!(refused.into_handler_error()?, NotEnough(100));
        let (account, loan) = (1, "house".into());
        ctx.send(Review { account, loan }).await?;
    }
    assert_eq!(store.0.appends.load(Ordering::SeqCst), 0);
    ctx.send(lend(100)).await?;
    assert_eq!(store.0.appends.load(Ordering::SeqCst), 1);
    Ok(())
}

#[nether::test(only = [Decisions<Loans>])]
async fn a_command_that_is_always_too_late_says_so(builder: SystemBuilder) -> nether::Result<()> {
    let (store, pace) = (OtherStore::default(), Pace::free());
    let system = with_account(builder.provide(Arc::clone(&pace)), &store).await?;
    let ctx = system.context();
    for command in [lend(100), lend(1_000)] {
        let before = pace.begun();
        for _ in 0..16 {
            store.appends_first("account/1", "bank.deposited", r#"{"cents":1}"#);
        }
        let error = ctx.send(command).await.unwrap_err();
        assert!(
            matches!(error, CallError::Unavailable(_)) && error.to_string().contains("account/1"),
            "{error}"
        );
        assert_eq!(pace.begun() - before, 16);
    }
    assert_eq!(store.names("loan/house").await, [""; 0]);
    Ok(())
}

#[nether::test(only = [Aggregates<Account>, Decisions<Transfers>])]
async fn a_failed_append_leaves_nothing_in_either_stream(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let store = OtherStore::default();
    let system = with_account(builder, &store).await?;
    let ctx = system.context();
    assert_eq!(ctx.send(TRANSFER).await?, Receipt { from: 70, to: 30 });
    store.0.fails.store(true, Ordering::SeqCst);
    let error = ctx.send(TRANSFER).await.unwrap_err();
    assert!(matches!(error, CallError::Unavailable(_)), "{error}");
    assert_eq!(store.names("account/1").await.len(), 2);
    assert_eq!(store.names("account/2").await.len(), 1);
    assert_eq!(ctx.ask(BalanceOf { account: 1 }).await?, 70);
    assert_eq!(ctx.send(TRANSFER).await?, Receipt { from: 40, to: 60 });
    Ok(())
}

#[nether::test(only = [Aggregates<Account>, Decisions<Transfers>])]
async fn what_panics_while_it_evolves_is_in_neither_stream(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let store = OtherStore::default();
    let system = with_account(builder, &store).await?;
    let ctx = system.context();
    let unlucky = Transfer {
        cents: 13,
        ..TRANSFER
    };
    let error = ctx.send(unlucky).await.unwrap_err();
    assert!(matches!(error, CallError::Panicked { .. }), "{error}");
    assert_eq!(store.names("account/1").await.len(), 1);
    assert_eq!(store.names("account/2").await, [""; 0]);
    assert_eq!(ctx.send(TRANSFER).await?, Receipt { from: 70, to: 30 });
    ctx.send(Deposit {
        account: 2,
        cents: 1,
    })
    .await?;
    Ok(())
}
