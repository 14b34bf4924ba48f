//! Payments.

use nether::prelude::*;

/// What a card pays at most.
const LIMIT: u64 = 100_000;

/// Have an order paid.
#[command(name = "payment.pay", key = order_id, error = Declined)]
pub struct Pay {
    /// Which order.
    pub order_id: u32,
    /// How much.
    pub cents: u64,
}

/// Give the money for an order back.
#[command(name = "payment.refund", key = order_id)]
pub struct Refund {
    /// Which order.
    pub order_id: u32,
}

/// An order was paid.
#[event(name = "payment.paid")]
pub struct Paid {
    /// Which order.
    pub order_id: u32,
    /// How much.
    pub cents: u64,
}

/// The money for an order was given back.
#[event(name = "payment.refunded")]
pub struct Refunded {
    /// Which order.
    pub order_id: u32,
    /// How much.
    pub cents: u64,
}

/// The card does not pay that much.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the card does not pay {cents} cents")]
pub struct Declined {
    /// How much it was.
    pub cents: u64,
}

/// The payment of an order.
#[derive(Debug, Default)]
pub struct Payment {
    cents: u64,
}

#[aggregate(handles = [Pay, Refund], events = [Paid, Refunded])]
impl Payment {
    fn pay(&self, pay: Pay) -> Result<Paid, Declined> {
        let Pay { order_id, cents } = pay;
        if cents > LIMIT {
            return Err(Declined { cents });
        }
        Ok(Paid { order_id, cents })
    }

    fn refund(&self, refund: Refund) -> Option<Refunded> {
        let (order_id, cents) = (refund.order_id, self.cents);
        (cents > 0).then_some(Refunded { order_id, cents })
    }

    fn paid(&mut self, event: &Paid) {
        self.cents += event.cents;
    }

    fn refunded(&mut self, event: &Refunded) {
        self.cents -= event.cents;
    }
}
