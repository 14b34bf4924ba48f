//! Commands that are sent again with their id.

use std::sync::Arc;

use nether::eventstore::{Aggregates, CommandId, Decisions};
use nether::prelude::*;

use crate::bank::{Account, Deposit, Lend, Loans, Pace, Receipt, Transfer, Transfers};
use crate::store::OtherStore;
use crate::transfers::TRANSFER;

async fn started(store: &OtherStore, pace: &Arc<Pace>) -> nether::Result<System> {
    let builder = System::builder()
        .isolated()
        .with::<Aggregates<Account>>()
        .with::<Decisions<Transfers>>()
        .with::<Decisions<Loans>>();
    let builder = builder.provide(store.open()).provide(Arc::clone(pace));
    Ok(builder.start().await?)
}

#[tokio::test]
async fn a_command_of_one_id_is_decided_upon_once_also_after_a_restart() -> nether::Result<()> {
    let (store, pace) = (OtherStore::default(), Pace::free());
    for round in 0..2 {
        let system = started(&store, &pace).await?;
        if round == 0 {
            let deposit = Deposit {
                account: 1,
                cents: 100,
            };
            system.context().send(deposit).await?;
        }
        let ctx = system.context().with(CommandId::new(7));
        for _ in 0..2 {
            assert_eq!(ctx.send(TRANSFER).await?, Receipt { from: 70, to: 30 });
        }
        let other = Transfer {
            cents: 31,
            ..TRANSFER
        };
        let error = ctx.send(other).await.unwrap_err();
        assert!(error.to_string().contains("CommandId"), "{error}");
        system.shutdown().await;
    }
    assert_eq!(store.names("account/1").await.len(), 2);
    assert_eq!(store.names("account/2").await.len(), 1);
    Ok(())
}

/// Its first event is in the second stream alone.
#[tokio::test]
async fn the_first_event_is_looked_for_in_each_stream() -> nether::Result<()> {
    let (store, pace) = (OtherStore::default(), Pace::free());
    let system = started(&store, &pace).await?;
    let deposit = Deposit {
        account: 1,
        cents: 100,
    };
    system.context().send(deposit).await?;
    let lend = || Lend {
        account: 1,
        loan: "house".into(),
        cents: 1,
    };
    let ctx = system.context().with(CommandId::new(8));
    for _ in 0..2 {
        ctx.send(lend()).await?;
    }
    assert_eq!(pace.begun(), 1);
    assert_eq!(store.names("loan/house").await, ["bank.lent"]);
    Ok(())
}

#[tokio::test]
async fn of_fifty_commands_with_one_id_at_once_one_is_decided_upon() -> nether::Result<()> {
    let (store, pace) = (OtherStore::default(), Pace::free());
    let system = started(&store, &pace).await?;
    let other = started(&store, &pace).await?;
    let deposit = Deposit {
        account: 1,
        cents: 100,
    };
    system.context().send(deposit).await?;
    let sent = (0..50).map(|number| {
        let system = [&system, &other][number % 2];
        let ctx = system.context().with(CommandId::from_text("once"));
        async move { ctx.send(TRANSFER).await }
    });
    for receipt in futures_util::future::join_all(sent).await {
        assert_eq!(receipt?, Receipt { from: 70, to: 30 });
    }
    assert_eq!(store.names("account/1").await.len(), 2);
    Ok(())
}
