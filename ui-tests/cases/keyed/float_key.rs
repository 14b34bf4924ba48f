#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command(key = level)]
pub struct Rise {
    pub level: f64,
}

pub struct Level;

#[module(handles = Rise, per = level)]
impl Level {
    #[init]
    fn new(level: &f64) -> Self {
        Level
    }

    async fn rise(&mut self, rise: Rise) {}
}

fn main() {}
