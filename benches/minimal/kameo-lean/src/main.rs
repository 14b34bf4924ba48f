//! The smallest program with a reply: kameo without its default features, so without its macros.

use std::convert::Infallible;

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::message::{Context, Message};

struct Add(u64);

struct Sum(u64);

impl Actor for Sum {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(sum: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(sum)
    }
}

impl Message<Add> for Sum {
    type Reply = u64;

    async fn handle(&mut self, Add(number): Add, _: &mut Context<Self, u64>) -> u64 {
        self.0 += number;
        self.0
    }
}

#[tokio::main]
async fn main() {
    let sum = Sum::spawn(Sum(0));
    println!("{}", sum.ask(Add(42)).await.expect("a reply"));
}
