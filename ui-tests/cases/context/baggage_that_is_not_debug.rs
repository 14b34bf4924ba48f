use nether::prelude::*;

pub struct TenantId(u32);

fn open(system: &System) -> Context {
    system.context().with(TenantId(7))
}

fn main() {}
