//! Orders that must be completed within a minute, after Wolverine's `OrderSagaSample`. The order is an
//! aggregate, which answers what became of it, and the time-out is a saga's, which lasts across restarts.

use std::time::Duration;

use nether::eventstore::{Aggregates, Sagas, Step, Store};
use nether::prelude::*;
use serde::{Deserialize, Serialize};

#[command(key = order, error = OrderError)]
struct StartOrder {
    order: u64,
}

#[command(key = order, error = OrderError)]
struct CompleteOrder {
    order: u64,
}

#[command(name = "order.expire", key = order)]
struct ExpireOrder {
    order: u64,
}

#[query(key = order, reply = Status)]
struct StatusOf {
    order: u64,
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum OrderError {
    #[error("there is such an order already")]
    Exists,
    #[error("there is no such order")]
    Unknown,
    #[error("the order has expired")]
    Expired,
}

#[event(name = "order.started")]
struct Started {
    order: u64,
}

#[event(name = "order.completed")]
struct Completed {
    order: u64,
}

#[event(name = "order.expired")]
struct Expired {
    order: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
enum Status {
    #[default]
    Unknown,
    Open,
    Done,
    Late,
}

#[derive(Default)]
struct Order {
    status: Status,
}

#[aggregate(
    handles = [StartOrder, CompleteOrder, ExpireOrder, StatusOf],
    events = [Started, Completed, Expired]
)]
impl Order {
    fn start(&self, start: StartOrder) -> Result<Started, OrderError> {
        match self.status {
            Status::Unknown => Ok(Started { order: start.order }),
            _ => Err(OrderError::Exists),
        }
    }

    /// An order that is done already stays done.
    fn complete(&self, complete: CompleteOrder) -> Result<Option<Completed>, OrderError> {
        let order = complete.order;
        match self.status {
            Status::Unknown => Err(OrderError::Unknown),
            Status::Open => Ok(Some(Completed { order })),
            Status::Done => Ok(None),
            Status::Late => Err(OrderError::Expired),
        }
    }

    fn expire(&self, expire: ExpireOrder) -> Option<Expired> {
        let is_open = self.status == Status::Open;
        is_open.then_some(Expired {
            order: expire.order,
        })
    }

    fn status(&self, _: StatusOf) -> Status {
        self.status
    }

    fn started(&mut self, _: &Started) {
        self.status = Status::Open;
    }

    fn completed(&mut self, _: &Completed) {
        self.status = Status::Done;
    }

    fn expired(&mut self, _: &Expired) {
        self.status = Status::Late;
    }
}

/// Waits for the completion of one order.
#[derive(Default, Serialize, Deserialize)]
struct Completion {
    order: u64,
}

#[saga(
    key = order,
    handles = [Started, Completed, Expired],
    starts = [Started],
    ends = [Completed, Expired],
    sends = [ExpireOrder]
)]
impl Completion {
    fn started(&mut self, started: &Started, _: &mut Step<Self>) {
        self.order = started.order;
    }

    fn completed(&mut self, _: &Completed, _: &mut Step<Self>) {}

    fn expired(&mut self, _: &Expired, _: &mut Step<Self>) {}

    #[timeout("1m")]
    fn too_late(&mut self, step: &mut Step<Self>) {
        step.send(ExpireOrder { order: self.order });
    }
}

#[nether::test(only = [Aggregates<Order>, Sagas<Completion>])]
async fn an_order_is_completed_in_time_or_expires(builder: SystemBuilder) -> nether::Result<()> {
    let system = builder.provide(Store::memory()).start().await?;
    let ctx = system.context();
    for order in [1, 2] {
        ctx.send(StartOrder { order }).await?;
    }
    let refused = ctx.send(StartOrder { order: 1 }).await;
    let refused = refused.expect_err("there is one").into_handler_error();
    assert_eq!(refused.expect("it is the order's"), OrderError::Exists);
    tokio::time::sleep(Duration::from_secs(59)).await;
    ctx.send(CompleteOrder { order: 1 }).await?;
    assert_eq!(ctx.ask(StatusOf { order: 2 }).await?, Status::Open);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ctx.ask(StatusOf { order: 1 }).await?, Status::Done);
    assert_eq!(ctx.ask(StatusOf { order: 2 }).await?, Status::Late);
    assert_eq!(ctx.ask(StatusOf { order: 3 }).await?, Status::Unknown);
    ctx.send(CompleteOrder { order: 1 }).await?;
    for (order, expected) in [(2, OrderError::Expired), (3, OrderError::Unknown)] {
        let refused = ctx.send(CompleteOrder { order }).await;
        let refused = refused.expect_err("it cannot be completed");
        assert_eq!(
            refused.into_handler_error().expect("it is the order's"),
            expected
        );
    }
    let report = system.shutdown().await;
    assert!(report.dead_letters.is_empty(), "{report}");
    Ok(())
}
