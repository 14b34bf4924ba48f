#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[event]
pub struct Won;

#[derive(Default)]
pub struct Player;

#[module(handles = Won)]
impl Player {
    #[handler(all)]
    async fn won(&mut self, won: &Won) {}
}

fn main() {}
