use nether::prelude::*;

#[derive(Debug, Clone)]
pub struct Card;

#[command]
pub struct Pay {
    pub card: Card,
}

fn main() {}
