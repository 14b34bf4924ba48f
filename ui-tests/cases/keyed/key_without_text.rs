#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Place(u64, u64);

#[command(key = place)]
pub struct Hit {
    pub place: Place,
}

pub struct Player;

#[module(handles = Hit, per = place)]
impl Player {
    #[init]
    fn new(place: &Place) -> Self {
        Player
    }

    async fn hit(&mut self, hit: Hit) {}
}

fn main() {}
