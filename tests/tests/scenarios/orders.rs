//! The events of orders.

use nether::prelude::*;

#[event(name = "scenario.placed")]
#[derive(Debug, PartialEq)]
pub struct Placed {
    pub order: String,
    pub cents: u64,
    /// How much is lost if the payment does not come; nothing is written of it.
    #[serde(skip)]
    pub remark: String,
}

#[event(name = "scenario.paid")]
pub struct Paid {
    pub order: String,
}

#[event(name = "scenario.elsewhere")]
pub struct Elsewhere;

pub(crate) fn placed(order: &str, cents: u64) -> Placed {
    Placed {
        order: order.to_owned(),
        cents,
        remark: "not written".to_owned(),
    }
}

pub(crate) fn paid(order: &str) -> Paid {
    Paid {
        order: order.to_owned(),
    }
}
