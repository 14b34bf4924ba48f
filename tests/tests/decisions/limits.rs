//! A command waits for its turn, and its decision takes its time, within its unit of work.

use std::sync::Arc;
use std::time::Duration;

use nether::eventstore::{Aggregates, Decisions, Store};
use nether::prelude::*;
use nether_tests::ready;

use crate::bank::{Account, Deposit, Lend, Loan, Loans, Pace, Transfers};
use crate::store::OtherStore;
use crate::transfers::TRANSFER;

fn lend(account: u64, loan: &str) -> Lend {
    Lend {
        account,
        loan: loan.to_owned(),
        cents: 0,
    }
}

#[nether::test(only = [Aggregates<Account>, Decisions<Transfers>, Decisions<Loans>])]
async fn a_command_that_waits_for_an_aggregate_ends_with_its_unit_of_work(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let pace = Pace::held();
    let builder = builder.provide(Store::memory()).provide(Arc::clone(&pace));
    let system = builder.start().await?;
    let ctx = system.context();
    // It holds the account, and the loan.
    let mut held = Box::pin(ctx.send(lend(1, "house")));
    assert!(ready(&mut held).await.is_none());
    assert_eq!(pace.begun(), 1);
    let late = system.context();
    let late = late.with_deadline(tokio::time::Instant::now() + Duration::from_secs(1));
    let error = late.send(TRANSFER).await.unwrap_err();
    assert!(
        matches!(error, CallError::DeadlineExceeded { .. }),
        "{error}"
    );
    let gone = system.context();
    let mut cancelled = Box::pin(gone.send(lend(2, "house")));
    assert!(ready(&mut cancelled).await.is_none());
    gone.cancel();
    assert!(matches!(cancelled.await, Err(CallError::Cancelled { .. })));
    let deposit = Deposit {
        account: 2,
        cents: 30,
    };
    ctx.send(deposit).await?;
    pace.may_end.add_permits(2);
    held.await?;
    ctx.send(lend(2, "house")).await?;
    assert_eq!(pace.begun(), 2);
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("not yet")]
pub struct NotYet;

#[command(name = "bank.insist", error = NotYet)]
#[derive(Clone)]
pub struct Insist {
    pub account: u64,
    pub loan: String,
    pub times_out: bool,
}

pub struct Insistence;

#[decision(
    handles = Insist,
    of = [Account(account), Loan(loan)],
    timeout = "1s",
    retry = 2,
    backoff = "10ms..10ms"
)]
impl Insistence {
    async fn insist(
        insist: Insist,
        _: &Account,
        _: &Loan,
        pace: Resource<Arc<Pace>>,
    ) -> Result<(), NotYet> {
        let begun = pace.begun.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        match (begun, insist.times_out) {
            (0, true) => std::future::pending().await,
            (0 | 1, _) => Err(NotYet),
            _ => Ok(()),
        }
    }
}

#[nether::test(only = [Decisions<Insistence>])]
async fn a_decision_that_fails_or_takes_too_long_is_made_again(
    builder: SystemBuilder,
) -> nether::Result<()> {
    let pace = Pace::free();
    let store = OtherStore::default();
    let builder = builder.provide(store.open()).provide(Arc::clone(&pace));
    let system = builder.start().await?;
    let insist = |times_out| Insist {
        account: 1,
        loan: "house".into(),
        times_out,
    };
    system.context().send(insist(true)).await?;
    assert_eq!(pace.begun(), 3);
    Ok(())
}
