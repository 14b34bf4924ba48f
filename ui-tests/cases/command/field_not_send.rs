use nether::prelude::*;
use std::rc::Rc;

#[command(local)]
pub struct Pay {
    pub card: Rc<str>,
}

fn main() {}
