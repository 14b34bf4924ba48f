use nether::prelude::*;
use std::rc::Rc;

#[command(reply = Rc<u64>)]
pub struct Pay {
    pub amount: u64,
}

fn main() {}
