use nether::prelude::*;

#[derive(Default)]
pub struct Orders<T>(T);

#[module(handles = [])]
impl<T> Orders<T> {}

fn main() {}
