use nether::prelude::*;

#[event]
pub struct OrderPaid;

#[derive(Default)]
pub struct Mailer;

#[module(handles = [&OrderPaid])]
impl Mailer {
    async fn confirm(&self, _: &OrderPaid) {}
}

fn main() {}
