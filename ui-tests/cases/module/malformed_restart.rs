use nether::prelude::*;

#[derive(Default)]
pub struct Orders;

#[module(handles = [], restart = "sometimes")]
impl Orders {}

fn main() {}
