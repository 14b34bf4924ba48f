use nether::prelude::*;

pub struct Orders;

async fn pay(_: &Context<Orders>) {}

fn main() {}
