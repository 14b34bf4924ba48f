//! The smallest program with a reply: Coerce.

use async_trait::async_trait;
use coerce::actor::context::ActorContext;
use coerce::actor::message::{Handler, Message};
use coerce::actor::{Actor, new_actor};

struct Add(u64);

impl Message for Add {
    type Result = u64;
}

struct Sum(u64);

impl Actor for Sum {}

#[async_trait]
impl Handler<Add> for Sum {
    async fn handle(&mut self, Add(number): Add, _: &mut ActorContext) -> u64 {
        self.0 += number;
        self.0
    }
}

#[tokio::main]
async fn main() {
    let sum = new_actor(Sum(0)).await.expect("an actor");
    println!("{}", sum.send(Add(42)).await.expect("a reply"));
}
