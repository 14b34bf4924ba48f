use nether::prelude::*;

#[event]
pub struct OrderPaid;

#[derive(Default)]
pub struct Mailer;

#[module(handles = OrderPaid)]
impl Mailer {
    async fn confirm(&self, _: &OrderPaid) {
        let local = std::rc::Rc::new(0);
        std::future::ready(()).await;
        drop(local);
    }
}

fn main() {}
