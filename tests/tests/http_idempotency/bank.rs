//! An aggregate behind an endpoint.

use nether::eventstore::{Aggregates, Store};
use nether::prelude::*;
use nether_tests::http::{Answer, JSON, request};

use crate::till::Shop;

#[command(name = "bank.deposit", key = account, reply = Balance, http = "POST /deposits/{account}")]
pub struct Deposit {
    pub account: String,
    pub amount: u64,
}

#[event(name = "bank.deposited")]
pub struct Deposited {
    pub amount: u64,
}

#[derive(Debug, serde::Serialize)]
pub struct Balance(u64);

impl From<&Account> for Balance {
    fn from(account: &Account) -> Self {
        Balance(account.balance)
    }
}

#[derive(Debug, Default)]
pub struct Account {
    balance: u64,
}

#[aggregate(handles = [Deposit], events = [Deposited])]
impl Account {
    fn deposit(&self, deposit: Deposit) -> Deposited {
        Deposited {
            amount: deposit.amount,
        }
    }

    fn deposited(&mut self, event: &Deposited) {
        self.balance += event.amount;
    }
}

/// A shop with a bank, on that store.
pub async fn bank(store: Store) -> Shop {
    let builder = System::builder().isolated().with::<Aggregates<Account>>();
    let system = builder.provide(store).start().await;
    Shop::opened(system.expect("the program is sound"), |server| server).await
}

pub async fn deposit(shop: &Shop, account: &str, key: &str, amount: u64) -> Answer {
    let headers = [JSON, ("idempotency-key", key)];
    let body = format!("{{\"amount\":{amount}}}");
    let line = format!("POST /deposits/{account}");
    request(&shop.at, &line, &headers, &body).await
}
