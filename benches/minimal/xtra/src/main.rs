//! The smallest program with a reply: xtra.

use xtra::prelude::*;

struct Add(u64);

#[derive(xtra::Actor)]
struct Sum(u64);

impl Handler<Add> for Sum {
    type Return = u64;

    async fn handle(&mut self, Add(number): Add, _: &mut Context<Self>) -> u64 {
        self.0 += number;
        self.0
    }
}

#[tokio::main]
async fn main() {
    let sum = xtra::spawn_tokio(Sum(0), Mailbox::unbounded());
    println!("{}", sum.send(Add(42)).await.expect("a reply"));
}
