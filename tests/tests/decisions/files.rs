//! Decisions on a store in a file.

use nether::CallError;
use nether::eventstore::{Aggregates, Decisions, Position, Store, StoreError};
use nether::prelude::*;
use nether_sqlite::{SqliteOptions, SqliteStore};
use nether_tests::Folder;
use tokio::task::JoinSet;

use crate::bank::{Account, BalanceOf, Deposit, NotEnough, Receipt, Transfer, Transfers};
use crate::transfers::TRANSFER;

async fn started(store: Store) -> nether::Result<System> {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Account>>()
        .with::<Decisions<Transfers>>();
    Ok(builder.provide(store).start().await?)
}

#[tokio::test]
async fn what_was_decided_is_there_when_the_file_is_opened_again() -> nether::Result<()> {
    let folder = Folder::new("decisions-reopened");
    for round in 0..3 {
        let store = Store::new(SqliteStore::open(folder.file())?);
        let system = started(store.clone()).await?;
        let ctx = system.context();
        if round == 0 {
            let deposit = Deposit {
                account: 1,
                cents: 100,
            };
            ctx.send(deposit).await?;
        }
        let (from, to) = (70 - 30 * round, 30 + 30 * round);
        assert_eq!(ctx.send(TRANSFER).await?, Receipt { from, to });
        ctx.close().await?;
        system.shutdown().await;
        let all = store.read_all(Position::START, 100).await?;
        assert_eq!(all.len() as u64, 3 + 2 * round);
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_stands_in_a_store_that_is_read_only() -> nether::Result<()> {
    let folder = Folder::new("decisions-read-only");
    let writing = started(Store::new(SqliteStore::open(folder.file())?)).await?;
    let deposit = Deposit {
        account: 1,
        cents: 20,
    };
    writing.context().send(deposit).await?;
    writing.shutdown().await;
    let options = SqliteOptions::default().read_only(true);
    let system = started(Store::new(options.open(folder.file())?)).await?;
    let ctx = system.context();
    let refused = ctx.send(TRANSFER).await.unwrap_err();
    assert_eq!(refused.into_handler_error()?, NotEnough(20));
    let less = Transfer {
        cents: 10,
        ..TRANSFER
    };
    let CallError::Unavailable(unavailable) = ctx.send(less).await.unwrap_err() else {
        panic!("it was stored");
    };
    let error = unavailable.error.downcast_ref();
    assert!(matches!(error, Some(StoreError::ReadOnly { .. })));
    system.shutdown().await;
    Ok(())
}

/// Each has the file open for itself, as two processes have: neither knows what the other has in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_share_a_file_keep_the_sum() -> nether::Result<()> {
    let folder = Folder::new("decisions-shared");
    let open = || -> nether::Result<Store> {
        let options = SqliteOptions::default().shared(true);
        Ok(Store::new(options.open(folder.file())?))
    };
    let systems = [started(open()?).await?, started(open()?).await?];
    let ctx = systems[0].context();
    for account in [1, 2] {
        let deposit = Deposit {
            account,
            cents: 1_000,
        };
        ctx.send(deposit).await?;
    }
    let mut transfers = JoinSet::new();
    for number in 0..100 {
        let ctx = systems[number % 2].context();
        transfers.spawn(async move {
            let transfer = || match number % 3 {
                0 => Transfer {
                    from: 2,
                    to: 1,
                    cents: 7,
                },
                _ => TRANSFER,
            };
            loop {
                match ctx.send(transfer()).await {
                    Ok(_) => return true,
                    // The other one was faster each time.
                    Err(CallError::Unavailable(_)) => {}
                    Err(error) => {
                        error.into_handler_error().expect("it is refused");
                        return false;
                    }
                }
            }
        });
    }
    let made = transfers.join_all().await;
    let made = made.into_iter().filter(|is_made| *is_made).count();
    for system in &systems {
        let ctx = system.context();
        let one = ctx.ask(BalanceOf { account: 1 }).await?;
        let other = ctx.ask(BalanceOf { account: 2 }).await?;
        assert_eq!(one + other, 2_000);
    }
    let head = open()?.head().await?;
    assert_eq!(head, Position(2 + 2 * made as u64));
    Ok(())
}
