use nether::prelude::*;

#[command]
pub struct Watch;

#[derive(Default)]
pub struct Monitor;

#[module(handles = Watch)]
impl Monitor {
    async fn watch(&self, _: Watch, ctx: &Context<Self>) -> nether::Result<()> {
        let mut items = ctx.stream::<u32>().join();
        ctx.spawn(async move |_| {
            while items.pull().await?.is_some() {}
            Ok(())
        })?;
        Ok(())
    }
}

fn main() {}
