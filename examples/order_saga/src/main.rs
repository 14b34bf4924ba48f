//! An order in four steps, each of which may fail: `cargo run -p order_saga`.
//!
//! `domain` is what the business is about: orders, stock, payments, each an aggregate that knows nothing of
//! the others. `application` is the saga that brings them together. `infrastructure` is the world outside.

pub mod application;
pub mod domain;
pub mod infrastructure;

#[cfg(test)]
mod tests;

use nether::eventstore::{EventSubscription, Position, SagaFailed, Store};
use nether::prelude::*;

use crate::application::fulfilment::Fulfilment;
use crate::domain::order::PlaceOrder;
use crate::domain::stock::Stock;

/// Places an order, and tells what comes of it.
async fn order(
    system: &System,
    store: &Store,
    events: &mut EventSubscription,
    order: PlaceOrder,
) -> nether::Result<()> {
    let mut failed = system.subscribe::<SagaFailed>();
    let PlaceOrder {
        order_id,
        article,
        pieces,
        address,
        ..
    } = &order;
    println!("order {order_id}: {pieces} {article} to {address}");
    let ctx = system.context();
    ctx.send(order.clone()).await?;
    ctx.close().await?;
    store.saga::<Fulfilment>()?.settled().await?;
    for _ in events.position().0..store.head().await?.0 {
        println!("  {}", events.next().await?.name);
    }
    if let Some(failed) = failed.try_next() {
        println!("  failed: {}", failed.reason);
    }
    Ok(())
}

#[nether::main]
async fn main(builder: SystemBuilder) -> nether::Result<()> {
    let store = Store::memory();
    let system = builder.provide(store.clone()).start().await?;
    let ctx = system.context();
    let article = || "lamps".to_owned();
    ctx.send(Stock {
        article: article(),
        pieces: 10,
    })
    .await?;
    ctx.close().await?;
    let mut events = store.subscribe(Position(1));
    for (order_id, pieces, cents, address) in [
        (1, 2, 4_000, "Main Street 1"),
        (2, 20, 40_000, "Main Street 2"),
        (3, 8, 160_000, "Main Street 3"),
        (4, 8, 16_000, "the moon"),
        (5, 8, 16_000, "Main Street 5"),
    ] {
        let placed = PlaceOrder {
            order_id,
            article: article(),
            pieces,
            cents,
            address: address.to_owned(),
        };
        order(&system, &store, &mut events, placed).await?;
    }
    system.shutdown().await;
    Ok(())
}
