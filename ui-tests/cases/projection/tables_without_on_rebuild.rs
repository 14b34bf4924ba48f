use nether::eventstore::Tables;
use nether::prelude::*;

#[event(name = "ui.noted")]
pub struct Noted;

pub struct Notes {
    pub tables: Tables,
}

#[projection(handles = [Noted])]
impl Notes {
    #[init]
    fn new(tables: Tables) -> Self {
        Notes { tables }
    }

    fn noted(&mut self, _: &Noted) {}
}

fn main() {}
