use nether::prelude::*;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Card;

#[command]
pub struct Pay {
    pub card: Card,
}

fn main() {}
