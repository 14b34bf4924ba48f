#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = player_id)]
pub struct Hit {
    pub player_id: u64,
}

#[query(reply = u64, key = name)]
pub struct Score {
    pub name: String,
}

pub struct Player;

#[module(handles = [Hit, Score], per = player_id)]
impl Player {
    #[init]
    fn new(player_id: &u64) -> Self {
        Player
    }

    async fn hit(&mut self, hit: Hit) {}

    async fn score(&self, score: Score) -> u64 {
        0
    }
}

fn main() {}
