use nether::prelude::*;

pub struct Pay;

#[derive(Default)]
pub struct Billing;

#[module(handles = Pay)]
impl Billing {
    async fn bill(&mut self, _: Pay) {}
}

fn main() {}
