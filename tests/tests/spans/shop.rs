//! A shop: an order goes through two mailboxes, is stored, and is shipped by a saga.

use std::sync::{Arc, Mutex};

use nether::TraceContext;
use nether::eventstore::{Aggregates, Metadata, Projections, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error, nether::Problem)]
#[error("sold out")]
#[problem(status = 409)]
pub struct SoldOut;

/// Orders the thing of that number; there are none of 409.
#[command(reply = String, error = SoldOut, name = "shop.place", http = "POST /orders/{order_id}")]
pub struct Place {
    pub order_id: u32,
}

#[command(name = "shop.charge")]
pub struct Charge(pub u32);

#[command(key = order_id, name = "shop.record")]
pub struct Record {
    pub order_id: u32,
}

#[event(name = "shop.recorded")]
pub struct Recorded {
    pub order_id: u32,
}

#[command(name = "shop.ship")]
pub struct Ship(pub u32);

#[command(name = "shop.remind")]
pub struct Remind(pub u32);

#[query(reply = u32, name = "shop.sales", http = "GET /sales")]
pub struct Sales;

/// Handles what clients ask for.
#[derive(Debug, Default)]
pub struct Desk {
    orders: u32,
}

#[module(handles = Place)]
impl Desk {
    async fn place(&mut self, place: Place, ctx: &Context<Self>) -> Result<String, SoldOut> {
        let Place { order_id } = place;
        if order_id == 409 {
            return Err(SoldOut);
        }
        self.orders += 1;
        tracing::info!("an order is placed");
        ctx.send(Charge(order_id)).await.map_err(|_| SoldOut)?;
        ctx.send(Record { order_id }).await.map_err(|_| SoldOut)?;
        let trace = ctx.trace_context();
        Ok(trace.map_or_else(String::new, |trace| trace.traceparent()))
    }
}

#[derive(Debug, Default)]
pub struct Till {
    charged: u32,
}

#[module(handles = Charge)]
impl Till {
    async fn charge(&mut self, _: Charge) {
        tokio::task::yield_now().await;
        self.charged += 1;
        tracing::info!("an order is charged");
    }
}

#[derive(Debug, Default)]
pub struct Order {
    is_recorded: bool,
}

#[aggregate(handles = [Record], events = [Recorded])]
impl Order {
    fn record(&self, record: Record) -> Option<Recorded> {
        let Record { order_id } = record;
        (!self.is_recorded).then_some(Recorded { order_id })
    }

    fn recorded(&mut self, _: &Recorded) {
        self.is_recorded = true;
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shipping {}

#[saga(
    key = order_id,
    handles = [Recorded],
    starts = [Recorded],
    from = "beginning",
    sends = [Ship, Remind]
)]
impl Shipping {
    fn recorded(&mut self, event: &Recorded, step: &mut Step<Self>) {
        step.send(Ship(event.order_id))
            .compensate_with(Remind(event.order_id));
    }

    #[timeout("1h")]
    fn late(&mut self, step: &mut Step<Self>) {
        step.fail("it is late");
    }
}

/// What was done in which trace.
pub type Done = Arc<Mutex<Vec<(&'static str, Option<TraceContext>)>>>;

#[derive(Debug)]
pub struct Warehouse {
    done: Done,
}

#[module(handles = [Ship, Remind])]
impl Warehouse {
    #[init]
    fn new(done: Resource<Done>) -> Self {
        Warehouse {
            done: Arc::clone(&done),
        }
    }

    async fn ship(&mut self, _: Ship, ctx: &Context<Self>) {
        self.note("ship", ctx);
    }

    async fn remind(&mut self, _: Remind, ctx: &Context<Self>) {
        self.note("remind", ctx);
    }
}

impl Warehouse {
    fn note(&mut self, what: &'static str, ctx: &Context<Self>) {
        let mut done = self.done.lock().expect("no holder panics");
        done.push((what, ctx.trace_context()));
    }
}

/// Counts what was sold.
#[derive(Debug)]
pub struct Counted {
    sold: u32,
    done: Done,
}

#[projection(handles = [Recorded, Sales])]
impl Counted {
    #[init]
    fn new(done: Resource<Done>) -> Self {
        Counted {
            sold: 0,
            done: Arc::clone(&done),
        }
    }

    fn recorded(&mut self, event: &Recorded, metadata: &Metadata) -> nether::Result<()> {
        tracing::info!("an order is counted");
        let mut done = self.done.lock().expect("no holder panics");
        done.push(("count", metadata.entries.trace_context()));
        if event.order_id == 13 {
            return Err(nether::Error::msg("thirteen cannot be counted"));
        }
        self.sold += 1;
        Ok(())
    }

    fn sales(&self, _: Sales) -> u32 {
        self.sold
    }
}

/// The shop, open.
pub async fn opened(store: &Store, done: &Done) -> System {
    let builder = System::builder()
        .isolated()
        .with::<Desk>()
        .with::<Till>()
        .with::<Warehouse>()
        .with::<Aggregates<Order>>()
        .with::<Sagas<Shipping>>()
        .with::<Projections<Counted>>();
    let builder = builder.provide(store.clone()).provide(Arc::clone(done));
    builder.start().await.expect("the shop is sound")
}

/// Waits until all that orders have led to is done.
pub async fn settled(store: &Store) {
    let saga = store.saga::<Shipping>().expect("it runs");
    saga.settled().await.expect("it runs");
    let projection = store.projection::<Counted>().expect("it runs");
    projection.caught_up().await.expect("it runs");
}
