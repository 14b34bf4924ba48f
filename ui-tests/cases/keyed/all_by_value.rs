#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Won;

#[command(key = player_id)]
pub struct Hit {
    pub player_id: u64,
}

pub struct Player;

#[module(handles = [Hit, Won], per = player_id)]
impl Player {
    #[init]
    fn new(player_id: &u64) -> Self {
        Player
    }

    async fn hit(&mut self, hit: Hit) {}

    #[handler(all)]
    async fn won(&mut self, won: Won) {}
}

fn main() {}
