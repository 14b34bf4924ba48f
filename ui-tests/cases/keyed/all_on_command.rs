#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = player_id)]
pub struct Hit {
    pub player_id: u64,
}

pub struct Player;

#[module(handles = Hit, per = player_id)]
impl Player {
    #[init]
    fn new(player_id: &u64) -> Self {
        Player
    }

    #[handler(all)]
    async fn hit(&mut self, hit: Hit) {}
}

fn main() {}
