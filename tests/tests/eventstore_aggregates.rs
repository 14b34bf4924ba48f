//! Aggregates: commands decide, events evolve, the store keeps them.

use nether::eventstore::Store;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, PartialEq)]
pub enum AccountError {
    #[error("not enough money")]
    NotEnough,
}

#[derive(Debug, PartialEq)]
pub struct Balance(u64);

impl From<&Account> for Balance {
    fn from(account: &Account) -> Self {
        Balance(account.cents)
    }
}

#[command(key = account_id)]
pub struct OpenAccount {
    pub account_id: String,
}

#[command(key = account_id, reply = Balance, error = AccountError)]
pub struct Withdraw {
    pub account_id: String,
    pub cents: u64,
}

#[event(name = "account.opened")]
pub struct Opened {
    pub account_id: String,
}

#[event(name = "account.withdrawn")]
pub struct Withdrawn {
    pub cents: u64,
}

#[derive(Default, Serialize, Deserialize)]
pub struct Account {
    cents: u64,
}

#[aggregate(handles = [OpenAccount, Withdraw], events = [Opened, Withdrawn], snapshot_every = 2)]
impl Account {
    fn open(&self, open: OpenAccount) -> Opened {
        Opened {
            account_id: open.account_id,
        }
    }

    async fn withdraw(
        &self,
        withdraw: Withdraw,
        limit: Resource<u64>,
    ) -> Result<(Withdrawn, Withdrawn), AccountError> {
        if withdraw.cents > self.cents.min(*limit) {
            return Err(AccountError::NotEnough);
        }
        let cents = withdraw.cents;
        Ok((Withdrawn { cents }, Withdrawn { cents: 0 }))
    }

    fn opened(&mut self, _: &Opened) {
        self.cents = 100;
    }

    fn withdrawn(&mut self, event: &Withdrawn) {
        self.cents -= event.cents;
    }
}

#[tokio::test]
async fn what_happened_is_stored_and_published() {
    let store = Store::memory();
    let system = System::builder()
        .provide(store.clone())
        .provide(60_u64)
        .start()
        .await
        .unwrap();
    let mut withdrawn = system.subscribe::<Withdrawn>();
    let ctx = system.context();
    ctx.send(OpenAccount {
        account_id: "a".into(),
    })
    .await
    .unwrap();
    let balance = ctx
        .send(Withdraw {
            account_id: "a".into(),
            cents: 40,
        })
        .await
        .unwrap();
    assert_eq!(balance, Balance(60));
    let refused = ctx
        .send(Withdraw {
            account_id: "a".into(),
            cents: 61,
        })
        .await;
    assert_eq!(
        refused.unwrap_err().into_handler_error().unwrap(),
        AccountError::NotEnough
    );
    ctx.close().await.unwrap();
    assert_eq!(withdrawn.next().await.unwrap().cents, 40);
    system.shutdown().await;
    let again = System::builder()
        .provide(store.clone())
        .provide(60_u64)
        .start()
        .await
        .unwrap();
    let balance = again
        .context()
        .send(Withdraw {
            account_id: "a".into(),
            cents: 1,
        })
        .await
        .unwrap();
    assert_eq!(balance, Balance(59));
}
