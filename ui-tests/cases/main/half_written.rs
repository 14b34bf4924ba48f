use nether::prelude::*;

#[nether::main]
async fn main(system: System) {
    let ctx = system.context();
    ctx.
}
