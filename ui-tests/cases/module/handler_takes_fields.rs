use nether::prelude::*;

#[command(reply = String)]
pub struct Greet {
    pub name: String,
}

#[derive(Default)]
pub struct Greeter;

#[module(handles = Greet)]
impl Greeter {
    async fn greet(&self, name: String) -> String {
        format!("hello {name}")
    }
}

fn main() {}
