//! An aggregate behind an endpoint.

use nether::eventstore::{Aggregates, Store};
use nether::prelude::*;
use nether_tests::http::{Answer, JSON, request};

use crate::till::Shop;

nether_tests::account!();

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
