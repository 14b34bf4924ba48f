//! Orders.

use nether::prelude::*;

/// Order so many pieces of an article.
#[command(key = order_id)]
pub struct PlaceOrder {
    /// Its number.
    pub order_id: u32,
    /// What.
    pub article: String,
    /// How many.
    pub pieces: u32,
    /// For how much.
    pub cents: u64,
    /// Where to.
    pub address: String,
}

/// Write down that an order is done.
#[command(name = "order.complete", key = order_id)]
pub struct CompleteOrder {
    /// Which one.
    pub order_id: u32,
}

/// Write down that an order cannot be done.
#[command(name = "order.cancel", key = order_id)]
pub struct CancelOrder {
    /// Which one.
    pub order_id: u32,
}

/// An order was placed.
#[event(name = "order.placed")]
pub struct Placed {
    /// Its number.
    pub order_id: u32,
    /// What.
    pub article: String,
    /// How many.
    pub pieces: u32,
    /// For how much.
    pub cents: u64,
    /// Where to.
    pub address: String,
}

/// An order is done.
#[event(name = "order.completed")]
pub struct Completed {
    /// Which one.
    pub order_id: u32,
}

/// An order cannot be done.
#[event(name = "order.cancelled")]
pub struct Cancelled {
    /// Which one.
    pub order_id: u32,
}

/// How far an order is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// There is none yet.
    #[default]
    New,
    /// It is under way.
    Open,
    /// It is over.
    Closed,
}

#[aggregate(handles = [PlaceOrder, CompleteOrder, CancelOrder], events = [Placed, Completed, Cancelled])]
impl Order {
    fn place(&self, order: PlaceOrder) -> Option<Placed> {
        let PlaceOrder {
            order_id,
            article,
            pieces,
            cents,
            address,
        } = order;
        (*self == Order::New).then_some(Placed {
            order_id,
            article,
            pieces,
            cents,
            address,
        })
    }

    fn complete(&self, order: CompleteOrder) -> Option<Completed> {
        let order_id = order.order_id;
        (*self == Order::Open).then_some(Completed { order_id })
    }

    fn cancel(&self, order: CancelOrder) -> Option<Cancelled> {
        let order_id = order.order_id;
        (*self == Order::Open).then_some(Cancelled { order_id })
    }

    fn placed(&mut self, _: &Placed) {
        *self = Order::Open;
    }

    fn completed(&mut self, _: &Completed) {
        *self = Order::Closed;
    }

    fn cancelled(&mut self, _: &Cancelled) {
        *self = Order::Closed;
    }
}
