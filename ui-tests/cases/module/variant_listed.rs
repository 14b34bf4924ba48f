use nether::prelude::*;

#[event]
pub enum Moved {
    Up,
    Down,
}

#[derive(Default)]
pub struct Lift;

#[module(handles = Moved::Up)]
impl Lift {
    async fn up(&self, _: &Moved) {}
}

fn main() {}
