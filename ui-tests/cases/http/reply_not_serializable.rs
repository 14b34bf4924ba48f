use nether::prelude::*;

pub struct Receipt;

#[command(reply = Receipt, http = "POST /orders")]
pub struct Pay {
    pub order_id: u64,
}

fn main() {}
