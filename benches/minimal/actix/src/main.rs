//! The smallest program with a reply: actix.

use actix::prelude::*;

#[derive(Message)]
#[rtype(u64)]
struct Add(u64);

struct Sum(u64);

impl Actor for Sum {
    type Context = Context<Self>;
}

impl Handler<Add> for Sum {
    type Result = u64;

    fn handle(&mut self, Add(number): Add, _: &mut Context<Self>) -> u64 {
        self.0 += number;
        self.0
    }
}

#[actix::main]
async fn main() {
    let sum = Sum(0).start();
    println!("{}", sum.send(Add(42)).await.expect("a reply"));
}
