use nether::prelude::*;
use std::rc::Rc;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders {
    paid: Rc<u64>,
}

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) {}
}

fn main() {}
