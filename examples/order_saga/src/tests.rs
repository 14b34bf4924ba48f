//! Orders: what is decided, and what is compensated.

use nether::eventstore::{Position, Store, given};
use nether::prelude::*;

use crate::application::fulfilment::Fulfilment;
use crate::domain::order::{CompleteOrder, Order, PlaceOrder};
use crate::domain::stock::{Reserve, Reserved, SoldOut, Stock, Stocked};

fn stocked(pieces: u32) -> Stocked {
    Stocked {
        article: "lamps".to_owned(),
        pieces,
    }
}

fn reserve(pieces: u32) -> Reserve {
    Reserve {
        article: "lamps".to_owned(),
        order_id: 1,
        pieces,
    }
}

#[test]
fn what_is_on_the_shelf_can_be_reserved_and_no_more() {
    let reserved = Reserved {
        article: "lamps".to_owned(),
        order_id: 1,
        pieces: 2,
    };
    given([stocked(2)]).when(reserve(2)).then(reserved.clone());
    given((stocked(2), reserved))
        .when(reserve(1))
        .then_error(SoldOut {
            article: "lamps".to_owned(),
        });
}

#[test]
fn an_order_that_is_not_there_is_not_completed() {
    given::<Order, _>(())
        .when(CompleteOrder { order_id: 1 })
        .then_nothing();
}

#[tokio::test]
async fn what_was_done_is_compensated_in_reverse() -> nether::Result<()> {
    let store = Store::memory();
    let builder = System::builder().provide(store.clone());
    let system = builder.start().await?;
    let ctx = system.context();
    let article = "lamps".to_owned();
    ctx.send(Stock { article, pieces: 1 }).await?;
    ctx.send(PlaceOrder {
        order_id: 1,
        article: "lamps".to_owned(),
        pieces: 1,
        cents: 1,
        address: "the moon".to_owned(),
    })
    .await?;
    ctx.close().await?;
    store.saga::<Fulfilment>()?.settled().await?;
    let events = store.read_all(Position(1), 100).await?;
    let names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
    assert_eq!(
        names,
        [
            "order.placed",
            "stock.reserved",
            "payment.paid",
            "payment.refunded",
            "stock.released",
            "order.cancelled"
        ]
    );
    assert!(store.saga::<Fulfilment>()?.active().is_empty());
    system.shutdown().await;
    Ok(())
}

#[test]
fn what_is_stored_stays_readable() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/nether-schema.lock.json");
    nether::eventstore::check_schema(path).unwrap();
}
