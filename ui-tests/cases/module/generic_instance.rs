use nether::prelude::*;

#[derive(Default)]
pub struct Orders<T>(T);

#[module(handles = [])]
impl Orders<u64> {}

fn main() {}
