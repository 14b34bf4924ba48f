//! The smallest program with a reply: Nether, without its default features.

use nether::prelude::*;

#[command(reply = u64)]
struct Add(u64);

#[derive(Default)]
struct Sum(u64);

#[module(handles = Add)]
impl Sum {
    async fn add(&mut self, Add(number): Add) -> u64 {
        self.0 += number;
        self.0
    }
}

#[nether::main]
async fn main(system: System) -> nether::Result<()> {
    println!("{}", system.context().send(Add(42)).await?);
    Ok(())
}
