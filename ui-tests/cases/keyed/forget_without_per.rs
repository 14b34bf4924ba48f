#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = player_id)]
pub struct Hit {
    pub player_id: u64,
}

#[derive(Default)]
pub struct Player;

#[module(handles = Hit)]
impl Player {
    async fn hit(&mut self, hit: Hit, ctx: &Context<Self>) {
        ctx.forget();
    }
}

fn main() {}
