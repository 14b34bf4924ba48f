use nether::prelude::*;

#[derive(Debug, Clone)]
#[event]
pub struct Opened {
    pub account: u64,
}

fn main() {}
