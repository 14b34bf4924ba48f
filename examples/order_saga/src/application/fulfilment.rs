//! The saga that does an order.

use nether::eventstore::Step;
use nether::prelude::*;
use serde::{Deserialize, Serialize};

use crate::domain::order::{CancelOrder, CompleteOrder, Completed, Placed};
use crate::domain::payment::{Paid, Pay, Refund};
use crate::domain::stock::{Release, Reserve, Reserved};

/// Bring an order to an address. A system outside does it.
#[command(name = "fulfilment.ship")]
pub struct Ship {
    /// Which order.
    pub order_id: u32,
    /// Where to.
    pub address: String,
}

/// An order under way.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Fulfilment {
    cents: u64,
    address: String,
}

#[saga(
    key = order_id,
    handles = [Placed, Reserved, Paid, Completed],
    starts = [Placed],
    ends = [Completed],
    sends = [Reserve, Release, Pay, Refund, Ship, CompleteOrder, CancelOrder]
)]
impl Fulfilment {
    fn placed(&mut self, event: &Placed, step: &mut Step<Self>) {
        let order_id = event.order_id;
        (self.cents, self.address) = (event.cents, event.address.clone());
        step.on_failure(CancelOrder { order_id });
        let (article, pieces) = (event.article.clone(), event.pieces);
        let release = Release {
            article: article.clone(),
            order_id,
            pieces,
        };
        step.send(Reserve {
            article,
            order_id,
            pieces,
        })
        .compensate_with(release);
    }

    fn reserved(&mut self, event: &Reserved, step: &mut Step<Self>) {
        let (order_id, cents) = (event.order_id, self.cents);
        step.send(Pay { order_id, cents })
            .compensate_with(Refund { order_id });
    }

    fn paid(&mut self, event: &Paid, step: &mut Step<Self>) {
        let (order_id, address) = (event.order_id, self.address.clone());
        step.send(Ship { order_id, address });
        step.send(CompleteOrder { order_id });
    }

    fn completed(&mut self, _: &Completed) {}

    #[timeout("24h")]
    fn too_late(&mut self, step: &mut Step<Self>) {
        step.fail("it was not done within a day");
    }
}
