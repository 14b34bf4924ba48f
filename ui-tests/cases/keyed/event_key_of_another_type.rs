#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event(key = team)]
pub struct Won {
    pub team: String,
}

pub struct Player;

#[module(handles = Won, per = player_id)]
impl Player {
    #[init]
    fn new(player_id: &u64) -> Self {
        Player
    }

    async fn won(&mut self, won: &Won) {}
}

fn main() {}
