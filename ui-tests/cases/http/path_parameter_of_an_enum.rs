use nether::prelude::*;

#[command(http = "PUT /orders/{order_id}")]
pub enum Pay {
    InPart,
    Whole,
}

fn main() {}
