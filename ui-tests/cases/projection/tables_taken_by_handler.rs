#![allow(unused_variables)]
use nether::eventstore::Tables;
use nether::prelude::*;

#[event(name = "ui.noted")]
pub struct Noted;

pub struct Notes {
    tables: Tables,
}

#[projection(handles = [Noted])]
impl Notes {
    #[init]
    fn new(tables: Tables) -> Self {
        Notes { tables }
    }

    fn noted(&mut self, _: &Noted, tables: &Tables) {}

    #[on_rebuild]
    fn clear(&mut self) {}
}

fn main() {}
