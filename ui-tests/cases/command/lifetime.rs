use nether::prelude::*;

#[command]
pub struct Pay<'a> {
    pub order_id: &'a str,
}

fn main() {}
