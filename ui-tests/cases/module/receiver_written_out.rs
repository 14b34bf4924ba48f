use nether::prelude::*;

#[command]
pub struct Open;

#[derive(Default)]
pub struct Door;

#[module(handles = Open)]
impl Door {
    async fn open(self: &Self, _: Open) {}
}

fn main() {}
