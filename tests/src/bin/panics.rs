//! A program whose `main` panics, for `tests/entry.rs`.

use nether::prelude::*;

#[derive(Default)]
struct Witness;

#[module(handles = [])]
impl Witness {
    #[on_stop]
    fn stop(&self) {
        println!("stopped in order");
    }
}

#[nether::main]
async fn main(_: System) {
    panic!("as asked");
}
