use nether::prelude::*;

#[command]
pub struct Pay;

#[derive(Default)]
pub struct Orders;

#[module(handles = Pay)]
impl Orders {
    async fn pay(&mut self, _: Pay) {
        let local = std::rc::Rc::new(0);
        std::future::ready(()).await;
        drop(local);
    }
}

fn main() {}
