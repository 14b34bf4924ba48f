use nether::prelude::*;

#[nether::main]
#[tokio::main]
async fn main(system: System) -> nether::Result<()> {
    system.context().close().await?;
    Ok(())
}
