use nether::prelude::*;

mod messages {
    #[nether::command]
    pub struct Make;
}

#[derive(Default)]
pub struct Maker;

#[module(handles = messages::Mke)]
impl Maker {
    async fn make(&mut self, _: messages::Make) {}
}

async fn make(ctx: Context) -> nether::Result<()> {
    ctx.send(messages::Make).await?;
    Ok(())
}

fn main() {}
