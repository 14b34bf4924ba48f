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
    if std::env::args().any(|argument| argument == "--own-hook") {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            println!("in its own way");
            before(panic);
        }));
    }
    panic!("as asked\nERROR admin: \u{1b}[31mforged");
}
