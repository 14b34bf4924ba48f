use nether::prelude::*;

pub struct Billing;

#[nether::main(modules = [Billing])]
async fn main(system: System) {}
