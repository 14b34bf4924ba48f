#![allow(unused_imports, unused_variables, dead_code)]
use nether::prelude::*;

#[command]
pub struct Note;

#[derive(Default)]
pub struct Notes;

#[projection(handles = Note)]
impl Notes {
    fn note(&self, _: Note) {}
}

fn main() {}
