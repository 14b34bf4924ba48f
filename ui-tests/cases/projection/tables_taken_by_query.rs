#![allow(unused_variables)]
use nether::eventstore::Tables;
use nether::prelude::*;

#[event(name = "ui.noted")]
pub struct Noted;

#[query(reply = String)]
pub struct TextOf;

#[derive(Default)]
pub struct Notes;

#[projection(handles = [Noted, TextOf])]
impl Notes {
    fn noted(&mut self, _: &Noted) {}

    fn text(&self, _: TextOf, tables: &Tables) -> String {
        tables.name("notes")
    }
}

fn main() {}
