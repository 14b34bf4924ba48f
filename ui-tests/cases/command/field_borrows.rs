use nether::prelude::*;

#[command]
pub struct Greet {
    pub name: &str,
}

fn main() {}
