use nether::prelude::*;

pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[init]
    async fn new() -> Result<Self, String> {
        Ok(Orders)
    }
}

fn main() {}
