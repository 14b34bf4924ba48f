#![allow(unused_variables)]
use nether::eventstore::Tables;
use nether::prelude::*;

#[event(name = "ui.noted")]
pub struct Noted;

#[derive(Default)]
pub struct Notes;

#[projection(handles = [Noted], durable)]
impl Notes {
    fn noted(&mut self, _: &Noted) {}

    #[on_rebuild]
    fn clear(&mut self, tables: &Tables) {}
}

fn main() {}
