use nether::prelude::*;

pub struct Orders;

fn pay(_: &Context<Orders>) {}

fn main() {}
