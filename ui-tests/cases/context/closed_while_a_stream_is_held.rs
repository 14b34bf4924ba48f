use nether::prelude::*;

async fn run(system: System) -> nether::Result<()> {
    let ctx = system.context();
    let mut items = ctx.stream::<u32>().join();
    ctx.close().await?;
    items.pull().await?;
    Ok(())
}

fn main() {}
