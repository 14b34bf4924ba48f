#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[query(key = player_id)]
pub struct Look {
    pub player_id: u64,
}

pub struct Player;

#[module(handles = Look, per = player_id)]
impl Player {
    #[init]
    fn new(player_id: &u64) -> Self {
        Player
    }

    #[handler(all)]
    async fn look(&self, look: Look) {}
}

fn main() {}
