#![allow(unused_variables)]
use nether::eventstore::Tables;
use nether::prelude::*;

#[event(name = "ui.noted")]
pub struct Noted;

pub struct Notes;

#[projection(handles = [Noted])]
impl Notes {
    #[init]
    fn new(tables: &Tables) -> Self {
        Notes
    }

    fn noted(&mut self, _: &Noted) {}

    #[on_rebuild]
    fn clear(&mut self) {}
}

fn main() {}
