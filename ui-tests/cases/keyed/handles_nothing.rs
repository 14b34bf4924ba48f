#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

pub struct Player;

#[module(handles = [], per = player_id)]
impl Player {
    #[init]
    fn new(player_id: &u64) -> Self {
        Player
    }
}

fn main() {}
