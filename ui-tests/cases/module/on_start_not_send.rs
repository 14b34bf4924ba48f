use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [])]
impl Orders {
    #[on_start]
    async fn open(&mut self, ctx: &Context<Self>) {
        let local = std::rc::Rc::new(0);
        ctx.cancelled().await;
        drop(local);
    }
}

fn main() {}
