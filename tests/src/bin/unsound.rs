//! A program that cannot start, for `tests/entry.rs`.

use nether::prelude::*;

#[query]
struct Unanswered;

#[derive(Default)]
struct Asker;

#[module(handles = [], calls = [Unanswered])]
impl Asker {}

#[nether::main]
async fn main(_: System) {
    println!("never reached");
}
