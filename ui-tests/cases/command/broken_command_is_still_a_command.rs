use nether::prelude::*;

#[command(replay = u64)]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) -> u64 {
        1
    }
}

#[nether::main]
async fn main(system: System) -> nether::Result<()> {
    let paid: u64 = system.context().send(Pay).await?;
    println!("{paid} paid");
    Ok(())
}
