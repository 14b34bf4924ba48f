#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Won;

pub struct Player;

#[module(handles = Won, per = player_id)]
impl Player {
    #[init]
    fn new(player_id: &u64) -> Self {
        Player
    }

    #[handler(all)]
    async fn won(&mut self, won: &Won) {}
}

fn main() {}
