#![allow(unused_imports)]
use nether::prelude::*;

#[nether::test(flavour = "current_thread")]
async fn orders_are_paid(system: System) {}

fn main() {}
