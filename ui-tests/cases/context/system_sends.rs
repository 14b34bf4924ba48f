use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Till;

#[module(handles = Pay)]
impl Till {
    async fn pay(&mut self, _: Pay) {}
}

#[nether::main]
async fn main(system: System) -> nether::Result<()> {
    system.send(Pay).await?;
    Ok(())
}
